"""What pairs are good for: teleported gates, secret keys, clocks.

Each function takes its plain figures; or a state, shape (4, 4), or a batch, shape (n, 4, 4), whose pairs
approximate phi+ (`ionlink.bell.to_phi_plus` turns others); or a `Run` or `Exact` of a link, whose pairs are
turned from the Bell states they announce to phi+ and mixed as often as they come. The pairs of a network are
phi+ already: give their states.

>>> import ionlink as il
>>> run = il.presets.load("stephenson2020").sample(heralds=1000, seed=7)
>>> round(il.apps.computing.teleported_gate_fidelity(run), 2)
0.95
"""

from __future__ import annotations

from ionlink.apps import clocks, computing, qkd

__all__ = ["clocks", "computing", "qkd"]
