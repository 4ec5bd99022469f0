"""The steps of the study, one module each: ``run(spec, ...)`` turns input files into one output."""
