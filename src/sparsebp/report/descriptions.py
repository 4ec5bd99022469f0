"""The networks, students, data and learners of a study, as captions describe them."""

from sparsebp.claims.numbers import typeset
from sparsebp.report.labels import INFERENCE
from sparsebp.study.config import Study
from sparsebp.study.experiment_blocks import hidden_layers
from sparsebp.study.figure_blocks import panels_or_maps


def experiments(study: Study, figure: dict, names: list[str]) -> tuple[str, dict[str, str]]:
    """The network, the student and the data of experiments: in common, and of each.

    Args:
        study: the study.
        figure: the block of the figure that is captioned.
        names: the names of the experiments.
    """
    parts = {name: _experiment(study, figure, name) for name in names}
    passed = [study.experiments[name]["inference"] for name in names]
    varied = [key for key in INFERENCE if any(one[key] != passed[0][key] for one in passed)]
    for said, inference in zip(parts.values(), passed, strict=True):
        said += [f"{INFERENCE[key]} {inference[key]}" for key in varied]
    return apart(parts)


def _experiment(study: Study, figure: dict, name: str) -> list[str]:
    """The network, the student and the data of an experiment."""
    block = study.experiments[name]
    layers, teacher, student = block["layers"], block["nonzeros_per_row"], block["student"]
    own, noise, deep = student["nonzeros_per_row"], block.get("noise", {}), hidden_layers(block)
    neurons = (
        f"{layers['input']} input, {layers['hidden']} hidden and {layers['output']} output neurons"
    )
    if deep > 1:
        neurons += (
            f", the hidden ones in each of {deep} layers, between which {teacher['hidden']} "
            "weights per row are non-zero"
        )
    parts = [block["thesis"]] if "thesis" in block else []
    parts += [
        neurons,
        f"the teacher has {teacher['input']} non-zero weights per row in the input layer and "
        f"{teacher['output']} in the output layer",
        f"the student may have {own['input']} and {own['output']} per row",
    ]
    if "overlap" in student:
        shared = student["overlap"]
        parts.append(
            f"fractions {shared['input']} and {shared['output']} of the teacher's weights are in "
            "the student's pattern"
        )
    if noise.get("flipped"):
        parts.append(f"a fraction {noise['flipped']} of the training outputs changes sign")
    if noise.get("jittered"):
        parts.append(
            f"a fraction {noise['jittered']} of the training outputs gets Gaussian noise of "
            f"standard deviation {noise['scale']}"
        )
    alphabet = typeset(", ".join(map(str, student["alphabet"])))
    parts.append(f"the student's weights are among {alphabet}")
    parts.append(f"activation {_activation(block['activation'])}")
    if "drawing" not in figure:
        grid = block["samples"]
        several = f"m from {grid[0]} to {grid[-1]}" if len(grid) > 1 else f"m = {grid[0]}"
        parts.append(several)
        if "choices" in figure or any(
            block["quantity"] == "generalization_error" for block in panels_or_maps(figure)
        ):
            fresh = study.study["test_samples"]
            parts.append(f"{fresh} fresh samples for the generalisation error")
    return parts


def _activation(block: dict) -> str:
    return f"tanh(x − {block['b']})" if block["function"] == "tanh" else f"max(x, {block['a']} x)"


def passing(fields: dict) -> str:
    """How a learner goes about its algorithm: the open choices that it reads.

    Args:
        fields: the learner's block in an experiment, see ``Study.learner``.
    """
    if fields["algorithm"] == "gradient-descent":
        return (
            f"at most {fields['max_steps']} steps of size {fields['learning_rate']} (Adam) on the "
            "squared error of all training outputs; converged when it is at most "
            f"{fields['tolerance']}"
        )
    exact = fields.get("method") == "exact"
    if exact:
        parts = ["none, as the posterior is exact"]
    elif fields.get("method") == "density-evolution":
        parts = [f"a population of messages, until it settles, at most {fields['max_steps']} steps"]
    else:
        damped = "all" if fields["damped"] == "both" else fields["damped"]
        scale = fields["initial_scale"]
        start = f"random {_start(fields)}" if scale else "uniform messages"
        parts = [
            f"damping {fields['damping']} of {damped} messages",
            f"start from {start}",
            f"at most {fields['max_steps']} steps",
            f"converged when no message changes by more than {fields['tolerance']}",
        ]
    if exact and fields["algorithm"] != "sum-product":
        return "; ".join([*parts, "one of the most probable configurations, at random"])
    states = "all states" if fields["output_readout"] == "alphabet" else "the non-zero states"
    return "; ".join(
        [
            *parts,
            f"beliefs within {fields['tie_tolerance']} of the largest tie with it, at random",
            f"output weights are read out among {states}",
        ]
    )


def _start(fields: dict) -> str:
    """The first messages, where they are random."""
    scale, which = fields["initial_scale"], fields["initial_messages"]
    messages = "messages" if which == "factor-to-variable" else f"{which} messages"
    if fields["initial_distribution"] == "normal":
        return f"{messages} of standard deviation {scale}"
    return f"{messages}, logarithms uniform in [−{scale}, 0]"


def curve(fields: dict) -> str:
    """The algorithm of a learner.

    Args:
        fields: the learner's block in an experiment, see ``Study.learner``.
    """
    kind = f"{fields['network']} network" if "network" in fields else f"{fields['factor']} factors"
    schedule = fields["schedule"]
    if "batch_size" in fields:
        schedule += f" of {fields['batch_size']}"
    parts = [fields["algorithm"], kind, schedule]
    if "max_values" in fields:
        parts.append(f"hidden variables of at most {fields['max_values']} values")
    if "beta" in fields:
        parts.append(f"β = {fields['beta']}")
    if fields["reinforcement"]:
        parts.append(f"reinforcement r = {fields['reinforcement']}")
    method = {
        "exact": "exact",
        "blocked": "one variable per hidden neuron",
        "density-evolution": "density evolution, for N to infinity",
    }
    parts += [method[fields["method"]]] if fields.get("method") in method else []
    return ", ".join(parts)


_CHOSEN_BY = {"validation": "validation", "truth": "the number of the teacher's rows found"}


def scratch_case(case: dict) -> list[str]:
    """The network, the student and the data of a case of ``from_scratch``, and how it is learnt.

    Args:
        case: its block.
    """
    known = case["output_pattern"] == "known"
    rows, candidates, m = case["nonzeros_per_row"], case["candidates"], case["samples"]
    parts = [
        f"{case['neurons']} input, hidden and output neurons each",
        f"non-zero weights per row {rows['input']} in the input layer and {rows['output']} in "
        "the output layer",
        f"the pattern of the output layer is {'' if known else 'not '}known",
        f"inputs that a hidden neuron may read: {enumerated([str(k) for k in candidates])}",
        f"activation {_activation(case['activation'])}",
        f"m from {m[0]} to {m[-1]}" if len(m) > 1 else f"m = {m[0]}",
    ]
    if "wrong_outputs" in case:
        parts.append(f"{100 * case['wrong_outputs']:g} % of the outputs are wrong")
    if "gradient_descent" in case:
        how = case["gradient_descent"]
        parts.append(
            f"gradient descent by Adam, {how['steps']} steps at a rate from "
            f"{how['learning_rate']:g} to 0, penalty chosen by {_CHOSEN_BY[how['chosen_by']]} "
            f"among {enumerated([f'{penalty:g}' for penalty in how['penalties']])}"
        )
    if "messages" in case:
        how = case["messages"]
        parts.append(
            f"messages of single weights, damping {how['damping']:g}, at most {how['max_steps']} "
            "steps, then a search"
        )
    return parts


def trees(study: Study) -> str:
    """The graphs on which belief propagation is compared with elimination, of a study."""
    block, seeds = study.trees or {}, study.study["seeds"]
    outputs = ", ".join(map(str, block["outputs"]))
    return (
        f"{seeds} graphs of each kind and size, of {outputs} observed outputs that read 3 hidden "
        "neurons each in random trees, else 2; one input weight per hidden neuron; weights among "
        f"−1, 1 with random log-fields of standard deviation {block['fields']}; one sample; "
        f"activation {_activation(block['activation'])}; undamped sum-product with hard factors"
    )


def apart(parts: dict[str, list[str]]) -> tuple[str, dict[str, str]]:
    """What several have in common, and what each says beside; one says all itself.

    Args:
        parts: by name, what is said of each.
    """
    first, *others = parts.values()
    common = [part for part in first if others and all(part in other for other in others)]
    own = {name: [p for p in said if p not in common] for name, said in parts.items()}
    return "; ".join(common), {name: "; ".join(said) for name, said in own.items()}


def enumerated(names: list[str]) -> str:
    """Names as a sentence has them: one, two and three."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
