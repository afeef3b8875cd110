% The correlation of a matrix with a kernel, and its gradients, for MATLAB or Octave: from one file into another.
%
%     octave-cli --eval "conv_layer('given.bin', 'result.bin')"
%
% A file holds doubles: 0 for forward or 1 for backward, then each matrix as rows, columns, and its entries, which
% fread and fwrite take column by column.
function conv_layer(given, result)
  in = fopen(given, 'r');
  out = fopen(result, 'w');
  is_backward = fread(in, 1, 'double');
  x = read_matrix(in);
  w = read_matrix(in);
  if is_backward
    dy = read_matrix(in);
    write_matrix(out, conv2(dy, w, 'full'));
    write_matrix(out, conv2(x, rot90(dy, 2), 'valid'));
  else
    write_matrix(out, conv2(x, rot90(w, 2), 'valid'));
  end
  fclose(in);
  fclose(out);
end

function m = read_matrix(file)
  m = fread(file, fread(file, 2, 'double')', 'double');
end

function write_matrix(file, m)
  fwrite(file, [size(m, 1); size(m, 2); m(:)], 'double');
end
