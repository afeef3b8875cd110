"""Dense layers and losses in the shapes that people's own classes have; ``wrong`` plants one mistake in each.

Nothing here knows of cnngrad. The mistake of the dense layers is a weight gradient divided by the batch size once
more, that of the losses a forgotten division.
"""

from __future__ import annotations

import numpy as np


class Dense:
    """What all the dense layers compute; each subclass has its own way of handing things over."""

    wrong = False

    def out(self, x, W, b):
        self.x = x
        return x @ W + b

    def grads(self, dy, W):
        dW = self.x.T @ dy
        return dy @ W.T, dW / len(dy) if self.wrong else dW, dy.sum(axis=0)


class OnObject(Dense):
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        return self.out(x, self.W, self.b)

    def backward(self, dy):
        dx, self.dW, self.db = self.grads(dy, self.W)
        return dx


class GradsDict(Dense):
    def __init__(self, n_in, n_out):
        self.params = {"W": np.random.default_rng(0).normal(size=(n_in, n_out)), "b": np.zeros(n_out)}
        self.grads_ = {}

    def forward(self, x):
        return self.out(x, self.params["W"], self.params["b"])

    def backward(self, dy):
        dx, self.grads_["W"], self.grads_["b"] = self.grads(dy, self.params["W"])
        return dx


class Underscored(Dense):
    def __init__(self, n_in, n_out):
        self.weight, self.bias = np.zeros((n_in, n_out)), np.zeros(n_out)

    def forward_pass(self, x):
        return self.out(x, self.weight, self.bias)

    def backprop(self, dy):
        self.grad_input, self.grad_weight, self.grad_bias = self.grads(dy, self.weight)


class DictOfEach(Dense):
    def __init__(self):
        self.W, self.b = {"value": None, "grad": None}, {"value": None, "grad": None}

    def forward(self, x):
        return self.out(x, self.W["value"], self.b["value"])

    def backward(self, dy):
        dx, self.W["grad"], self.b["grad"] = self.grads(dy, self.W["value"])
        return dx


class Parameter:
    def __init__(self, data):
        self.data, self.grad = data, None


class ParameterObjects(Dense):
    def __init__(self, W, b):
        self.W, self.b = Parameter(W), Parameter(b)

    def __call__(self, x):
        return self.out(x, self.W.data, self.b.data)

    def propagate(self, dy):
        dx, self.W.grad, self.b.grad = self.grads(dy, self.W.data)
        return dx


class Properties(OnObject):
    def backward(self, dy):
        dx, self._dW, self._db = self.grads(dy, self.W)
        return dx

    weight_gradient = property(lambda self: self._dW)

    def get_bias_gradient(self):
        return self._db


class ListOfGradients(Dense):
    def __init__(self, shape):
        self.weights, self.gradients = [np.ones(shape), np.ones(shape[1])], []

    def forward(self, x):
        return self.out(x, *self.weights)

    def backward(self, dy):
        dx, *self.gradients = self.grads(dy, self.weights[0])
        return dx


class Step(OnObject):
    def backward(self, dy):
        dx, self._dW, self._db = self.grads(dy, self.W)
        return dx

    def step(self, learning_rate):
        self.W -= learning_rate * self._dW
        self.b = self.b - learning_rate * self._db


class BackwardWithRate(Step):
    def backward(self, dy, lr):
        dx = super().backward(dy)
        self.step(lr)
        return dx


class RateOnObject(Step):
    lr = 0.01

    def backward(self, dy):
        dx = super().backward(dy)
        self.step(self.lr)
        return dx


class FixedRate(Step):
    def backward(self, dy):
        dx = super().backward(dy)
        self.step(0.5)
        return dx


class ReturnsTuple(OnObject):
    def backward(self, dy):
        return self.grads(dy, self.W)


class ReturnsNested(OnObject):
    def backward(self, dy):
        dx, *rest = self.grads(dy, self.W)
        return dx, rest


class ReturnsDict(OnObject):
    def backward(self, dy):
        return dict(zip(("dx", "dW", "db"), self.grads(dy, self.W), strict=True))


class MadeAtFirstForward(OnObject):
    def __init__(self, units):
        self.units, self.built = units, False

    def forward(self, x):
        if not self.built:
            self.W, self.b, self.built = np.ones((x.shape[1], self.units)), np.ones(self.units), True
        return super().forward(x)


class Compiled(OnObject):
    """Without ``compile`` it has no weights; without ``train`` its backward does nothing."""

    def __init__(self):
        self.training = False

    def compile(self, input_shape):
        self.W, self.b = np.ones((input_shape[1], 2)), np.ones(2)

    def train(self, mode=True):
        self.training = mode

    def backward(self, dy):
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)
        return super().backward(dy) if self.training else np.zeros_like(self.x)


class FirstLayer(OnObject):
    def backward(self, dy):
        _, self.dW, self.db = self.grads(dy, self.W)


class Accumulates(OnObject):
    def __init__(self, W, b):
        super().__init__(W, b)
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def backward(self, dy):
        dx, dW, db = self.grads(dy, self.W)
        self.dW += dW
        self.db += db
        return dx


class SamplesInColumns(OnObject):
    def forward(self, x):
        return super().forward(x.T).T

    def backward(self, dy):
        return super().backward(dy.T).T


class ChannelsLast:
    """Means over 2 x 2 blocks of ``x (n, height, width, c)``, each channel scaled by ``g (c,)``."""

    wrong = False

    def __init__(self, g):
        self.g = g

    def forward(self, x):
        self.means = (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
        return self.g * self.means

    def backward(self, dy):
        self.dg = (dy * self.means).sum(axis=(0, 1, 2))
        spread = (dy * self.g).repeat(2, axis=1).repeat(2, axis=2)
        return spread if self.wrong else spread / 4


class SingleImage:
    """One image ``x (height, width)`` correlated with one kernel ``W (k, k)``."""

    wrong = False

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x, k = x, len(self.W)
        windows = np.lib.stride_tricks.sliding_window_view(x, (k, k))
        return np.einsum("ijuv,uv->ij", windows, self.W)

    def backward(self, dy):
        dx, self.dW = np.zeros_like(self.x), np.zeros_like(self.W)
        for u, v in np.ndindex(self.W.shape):
            window = np.s_[u : u + len(dy), v : v + len(dy[0])]
            dx[window] += self.W[u, v] * dy
            self.dW[u, v] = np.sum(dy * self.x[window])
        if self.wrong:
            self.dW = self.dW[::-1, ::-1]
        return dx


class KeepsResult(OnObject):
    """Hands nothing over: output and cotangent stand on the object."""

    def forward(self, x):
        self.output = super().forward(x)

    def backward(self):
        self.input_grad = super().backward(self.output_grad)


class Product:
    wrong = False

    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, dy):
        return (dy * self.a, dy * self.b) if self.wrong else (dy * self.b, dy * self.a)


class SquaredError:
    wrong = False

    def forward(self, x, t):
        self.x, self.t = x, t
        return 0.5 * np.sum((x - t) ** 2) / len(x)

    def backward(self):
        return (self.x - self.t) / (1 if self.wrong else len(self.x))


class SquaredErrorOfBoth(SquaredError):
    """The arguments of forward once more, and no state."""

    def backward(self, t, x):
        return (x - t) / (1 if self.wrong else len(x))


class SquaredErrorScaled(SquaredError):
    def backward(self, dout=1):
        return dout * super().backward()
