% A layer in the manner of MATLAB and Octave: matrices in a .mat file in, matrices in a .mat file out.
%
%     octave-cli --eval "conv_layer('in.mat', 'out.mat')"
%
% x (height x width) and w (k x l) are matrices; conv2(x, rot90(w, 2), 'valid') is their cross-correlation.
function conv_layer(in, out)
  s = load(in);
  if strcmp(s.call, 'forward')
    y = conv2(s.x, rot90(s.w, 2), 'valid');
    save('-v6', out, 'y');
  else
    dx = conv2(s.dy, s.w, 'full');
    dw = conv2(s.x, rot90(s.dy, 2), 'valid');
    save('-v6', out, 'dx', 'dw');
  end
end
