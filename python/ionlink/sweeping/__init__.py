"""From one number to a map: a link or a network over values of its parameters, on one machine or many.

`points` says which points there are and which seed each has; `models` what is asked of a link, `networks`
what of a network; `tasks` computes some points, wherever; `running` hands tasks to executors; `checkpoint`
keeps what is finished; `plan` puts these together; `dataset` labels the result and reads and writes files;
`splitting` cuts one long run of one link.
"""

from ionlink.sweeping.dataset import load_sweep, save_sweep
from ionlink.sweeping.main import sweep
from ionlink.sweeping.points import point_seed
from ionlink.sweeping.splitting import sample_split

__all__ = ["load_sweep", "point_seed", "sample_split", "save_sweep", "sweep"]
