// {"family":"Map","lanes":4,"vectors":true}
@group(0) @binding(0) var<uniform> p: array<vec4u, 1>;
@group(0) @binding(1) var<storage, read_write> x0: array<vec4f>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i_0 = (wg.y * nwg.x + wg.x) * p[0].x;
  let i_1 = min(i_0 + p[0].y, p[0].z);
  for (var i_2 = i_0 + lid; i_2 < i_1; i_2 += 64u) {
    let i_3 = i_2 * 4u;
    let t_4 = x1[(i_3) >> 2u];
    let t_5 = (t_4 * vec4f(2.0f));
    let t_6 = (t_5 + vec4f(1.0f));
    x0[(i_3) >> 2u] = t_6;
  }
}

