"""The table of merge methods: one file a method or family, one line here, and its name in `schema.MergeMethod`."""

from __future__ import annotations

from understudy.merge.methods.arcee_fusion import ArceeFusion
from understudy.merge.methods.base import Method
from understudy.merge.methods.breadcrumbs import Breadcrumbs
from understudy.merge.methods.dare import Dare
from understudy.merge.methods.della import Della
from understudy.merge.methods.karcher import Karcher
from understudy.merge.methods.linear import Linear
from understudy.merge.methods.model_stock import ModelStock
from understudy.merge.methods.multislerp import MultiSlerp
from understudy.merge.methods.nearswap import NearSwap
from understudy.merge.methods.nuslerp import NuSlerp
from understudy.merge.methods.passthrough import Passthrough
from understudy.merge.methods.ram import Ram, RamPlus
from understudy.merge.methods.sce import Sce
from understudy.merge.methods.slerp import Slerp
from understudy.merge.methods.task_arithmetic import TaskArithmetic
from understudy.merge.methods.ties import Ties
from understudy.merge.schema import MergeMethod

METHODS: dict[MergeMethod, Method] = {
    "linear": Linear(),
    "slerp": Slerp(),
    "nuslerp": NuSlerp(),
    "multislerp": MultiSlerp(),
    "karcher": Karcher(),
    "task_arithmetic": TaskArithmetic(),
    "ties": Ties(),
    "dare_linear": Dare(consensus=False),
    "dare_ties": Dare(consensus=True),
    "della": Della(consensus=True),
    "della_linear": Della(consensus=False),
    "breadcrumbs": Breadcrumbs(consensus=False),
    "breadcrumbs_ties": Breadcrumbs(consensus=True),
    "ram": Ram(),
    "ramplus_tl": RamPlus(),
    "model_stock": ModelStock(),
    "sce": Sce(),
    "nearswap": NearSwap(),
    "arcee_fusion": ArceeFusion(),
    "passthrough": Passthrough(),
}
