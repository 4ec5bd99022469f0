"""PGMax, at 64 bits and with only those configurations that the data leave possible.

PGMax 0.6.1, the last release, asks ``jax.lib.xla_bridge`` whether it runs on a TPU. JAX has since
moved that function to ``jax.extend.backend``; it is put back here before PGMax looks for it.
Nothing else of either is changed.
"""

from functools import partial
from types import SimpleNamespace

import jax
import jax.extend.backend
import jax.numpy as jnp
import numpy as np

if not hasattr(jax.lib, "xla_bridge"):
    jax.lib.xla_bridge = SimpleNamespace(get_backend=jax.extend.backend.get_backend)

from pgmax import fgraph, fgroup, infer, vgroup
from pgmax.factor import EnumFactor
from pgmax.infer.bp_state import BPArrays

from speed.cases import Instance
from speed.engines import State


class PGMaxEngine:
    """PGMax's belief propagation on one factor graph: a variable is a weight, a factor an output.

    All updates of one ``run`` are one compiled function, as PGMax's documentation advises; the
    first such run compiles it. PGMax has no reinforcement. There, the compiled function is a loop
    over updates, each of which sets the evidence to r t times the belief (Eq. 3.10), takes the
    belief anew and calls PGMax for one iteration.
    """

    name = "PGMax"

    def __init__(self, instance: Instance):
        jax.config.update("jax_enable_x64", True)
        self.instance, case = instance, instance.case
        self.states = len(case.alphabet)
        count = instance.weights.max() + 1
        variables = vgroup.NDVarArray(num_states=self.states, shape=(int(count),))
        graph = fgraph.FactorGraph(variables)
        self.order = []
        for factors, configurations in self.groups():
            self.order.append(factors)
            names = variables.variables
            group = fgroup.EnumFactorGroup(
                variables_for_factors=[[names[i] for i in instance.weights[a]] for a in factors],
                factor_configs=instance.configurations[configurations].astype(int),
                log_potentials=instance.table[factors][:, configurations],
            )
            graph.add_factors(group)
        state = graph.bp_state
        self.wiring = state.fg_state.wiring[EnumFactor].var_states_for_edges[:, 0]
        self.bp = infer.BP(state, temperature=0.0 if case.maximise else 1.0)
        self.initial = jax.tree.map(jnp.asarray, self.bp.init())
        self.compiled = {}

    def groups(self):
        """Factors with the same possible configurations, and these. PGMax wants them together."""
        possible = self.instance.table > -np.inf
        kinds, kind = np.unique(possible, axis=0, return_inverse=True)
        ordered = np.argsort(kind.ravel(), kind="stable")
        bounds = np.cumsum(np.bincount(kind.ravel()))[:-1]
        for factors, row in zip(np.split(ordered, bounds), kinds, strict=True):
            yield factors, np.flatnonzero(row)

    def start(self) -> None:
        belief = jnp.zeros_like(self.initial.evidence)
        self.now, self.belief, self.steps = self.initial, belief, 0
        for array in (*vars(self.now).values(), belief):
            if array.dtype != np.float64:
                raise TypeError(f"PGMax works with {array.dtype} and not with 64 bits")

    def prepare(self, updates: int) -> None:
        """Compile what does this many updates, if that has not been done, by running it."""
        if updates not in self.compiled:
            self.start()
            self.run(updates)
            self.start()

    def compile(self, updates: int):
        """A compiled function that does this many updates."""
        if self.instance.case.reinforcement:
            function = partial(self.reinforced, updates=updates)
        else:
            iterate = partial(self.bp.run, num_iters=updates, damping=0.0)
            function = lambda now, belief, steps: (iterate(now), belief)  # noqa: E731
        return jax.jit(function)

    def run(self, updates: int) -> None:
        if updates not in self.compiled:
            self.compiled[updates] = self.compile(updates)
        self.now, self.belief = self.compiled[updates](self.now, self.belief, self.steps)
        jax.block_until_ready((self.now, self.belief))
        self.steps += updates

    def reinforced(self, now, belief, steps, updates):
        """``updates`` updates with a field that grows, from step number ``steps`` on."""

        def update(t, carried):
            now, belief = carried
            field = self.instance.case.reinforcement * t * belief
            now = BPArrays(now.log_potentials, now.ftov_msgs, field)
            belief = self.belief_of(now)
            return self.bp.run(now, num_iters=1, damping=0.0), belief

        return jax.lax.fori_loop(steps, steps + updates, update, (now, belief))

    def belief_of(self, now):
        """Normalised log-beliefs, flat."""
        total = now.evidence.at[self.wiring].add(now.ftov_msgs).reshape(-1, self.states)
        return (total - total.max(axis=1, keepdims=True)).ravel()

    def read(self) -> State:
        """As ``PlainLoop.read`` does it."""
        case, split = self.instance.case, self.instance.inner_weights
        grouped = np.asarray(self.now.ftov_msgs).reshape(*self.instance.weights.shape, self.states)
        if grouped.dtype != np.float64:
            raise TypeError(f"PGMax works with {grouped.dtype} and not with 64 bits")
        messages = np.empty_like(grouped)
        messages[np.concatenate(self.order)] = grouped
        now = self.now
        if case.reinforcement:
            field = case.reinforcement * self.steps * self.belief
            now = BPArrays(now.log_potentials, now.ftov_msgs, field)
        belief = np.asarray(self.belief_of(now)).reshape(-1, self.states)
        inner = belief[:split]
        if not case.reinforcement:
            self.run(1)
            belief = np.asarray(self.belief_of(self.now)).reshape(-1, self.states)
        return State.of(self.instance, self.instance.inner_slots(messages), inner, belief[split:])
