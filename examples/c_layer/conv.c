/* One-dimensional cross-correlation: y[t] = sum over u of x[t + u] w[u]. All arrays are contiguous doubles. */

void conv_forward(const double *x, const double *w, double *y, int s, int k)
{
    for (int t = 0; t <= s - k; t++)
        for (int u = 0; u < k; u++)
            y[t] += x[t + u] * w[u];
}

/* Each product above hands dy[t] back to both of its factors. dx and dw come in as zeros. */
void conv_backward(const double *x, const double *w, const double *dy, double *dx, double *dw, int s, int k)
{
    for (int t = 0; t <= s - k; t++)
        for (int u = 0; u < k; u++) {
            dx[t + u] += dy[t] * w[u];
            dw[u] += dy[t] * x[t + u];
        }
}
