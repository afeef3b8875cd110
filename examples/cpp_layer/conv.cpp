// A convolution with relu: y[f][i][j] = max(b[f] + sum over c, u, v of x[c][i + u][j + v] w[f][c][u][v], 0).

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

namespace py = pybind11;
using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;  // others are copied into this form

// y before the relu. Written once, for forward and for backward, which needs its signs.
static Array before_relu(const Array &x, const Array &w, const Array &b)
{
    auto X = x.unchecked<3>();
    auto W = w.unchecked<4>();
    auto B = b.unchecked<1>();
    Array z({W.shape(0), X.shape(1) - W.shape(2) + 1, X.shape(2) - W.shape(3) + 1});
    auto Z = z.mutable_unchecked<3>();
    for (py::ssize_t f = 0; f < Z.shape(0); f++)
        for (py::ssize_t i = 0; i < Z.shape(1); i++)
            for (py::ssize_t j = 0; j < Z.shape(2); j++) {
                double sum = B(f);
                for (py::ssize_t c = 0; c < W.shape(1); c++)
                    for (py::ssize_t u = 0; u < W.shape(2); u++)
                        for (py::ssize_t v = 0; v < W.shape(3); v++)
                            sum += X(c, i + u, j + v) * W(f, c, u, v);
                Z(f, i, j) = sum;
            }
    return z;
}

static Array zeros_like(const Array &a)
{
    Array made(std::vector<py::ssize_t>(a.shape(), a.shape() + a.ndim()));
    std::fill_n(made.mutable_data(), made.size(), 0.0);
    return made;
}

static Array forward(const Array &x, const Array &w, const Array &b)
{
    Array y = before_relu(x, w, b);
    for (py::ssize_t i = 0; i < y.size(); i++)
        y.mutable_data()[i] = std::max(y.data()[i], 0.0);
    return y;
}

// Each product in forward hands dz back to both of its factors, where dz is dy wherever z was positive.
static py::tuple backward(const Array &dy, const Array &x, const Array &w, const Array &b, bool forget_the_relu)
{
    Array z = before_relu(x, w, b), dx = zeros_like(x), dw = zeros_like(w), db = zeros_like(b);
    auto Z = z.unchecked<3>();
    auto DY = dy.unchecked<3>();
    auto X = x.unchecked<3>();
    auto W = w.unchecked<4>();
    auto DX = dx.mutable_unchecked<3>();
    auto DW = dw.mutable_unchecked<4>();
    auto DB = db.mutable_unchecked<1>();
    for (py::ssize_t f = 0; f < Z.shape(0); f++)
        for (py::ssize_t i = 0; i < Z.shape(1); i++)
            for (py::ssize_t j = 0; j < Z.shape(2); j++) {
                if (Z(f, i, j) <= 0 && !forget_the_relu)
                    continue;
                const double dz = DY(f, i, j);
                DB(f) += dz;
                for (py::ssize_t c = 0; c < W.shape(1); c++)
                    for (py::ssize_t u = 0; u < W.shape(2); u++)
                        for (py::ssize_t v = 0; v < W.shape(3); v++) {
                            DX(c, i + u, j + v) += dz * W(f, c, u, v);
                            DW(f, c, u, v) += dz * X(c, i + u, j + v);
                        }
            }
    return py::make_tuple(dx, dw, db);
}

PYBIND11_MODULE(conv_cpp, module)
{
    module.def("forward", &forward);
    module.def("backward", &backward, py::arg("dy"), py::arg("x"), py::arg("w"), py::arg("b"),
               py::arg("forget_the_relu") = false);
}
