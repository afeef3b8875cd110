"""Which page of the derivations a reader should open, and its address."""

from __future__ import annotations

from functools import cache

from cnngrad.core.layer import Layer

# A page, and what names of layers that resemble it contain, in lower case and without underscores; first match counts.
PAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("softmax_cross_entropy", ("crossentropy", "softmaxloss", "nll")),
    ("half_squared_error", ("squarederror", "mse", "l2loss", "quadratic")),
    ("weight_decay", ("weightdecay", "l2reg", "l2penalty", "regular")),
    ("batch_norm", ("batchnorm",)),
    ("channels_last_conv", ("channelslast", "nhwc")),
    ("sigmoid_conv", ("sigmoidconv",)),
    ("relu_conv", ("reluconv", "convrelu")),
    ("true_conv", ("trueconv", "convn")),
    ("conv", ("conv", "correl")),
    ("p_norm_pool", ("pnorm", "lppool")),
    ("mean_pool", ("meanpool", "avgpool", "averagepool", "avepool")),
    ("subsample", ("subsampl",)),
    ("max_pool", ("maxpool", "pool")),
    ("softmax", ("softmax",)),
    ("sigmoid", ("sigmoid", "logistic")),
    ("tanh", ("tanh",)),
    ("relu", ("relu", "rectif")),
    ("flatten", ("flatten", "reshape")),
    ("neuron", ("neuron", "perceptron")),
    ("dense", ("dense", "linear", "affine", "fullyconnected", "fc")),
    ("identity", ("identity",)),
)
FOLDER = "docs/derivations"


def page_of(layer: Layer) -> str:
    """The reference layer that a layer's name resembles; empty where none does.

    >>> page_of(Layer(lambda x: None, ("x",), "MaxPool2D")), page_of(Layer(lambda x: None, ("x",), "gadget"))
    ('max_pool', '')
    """
    name = layer.name.lower().replace("_", "")
    return next((page for page, words in PAGES if any(word in name for word in words)), "")


def address(page: str) -> str:
    """Where a page is read: under the documentation's address if the package names one, else in the repository.

    >>> address("conv").endswith("derivations/conv")
    True
    """
    base = _documentation()
    folder = f"{base.rstrip('/')}/derivations" if base else FOLDER
    return f"{folder}/{page}" if page else folder


@cache
def _documentation() -> str:
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = metadata("cnngrad").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    return next((url.split(", ", 1)[1] for url in urls if url.startswith("Documentation, ")), "")
