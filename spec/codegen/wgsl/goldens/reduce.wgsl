// {"family":"Reduce","team":{"way":"alone","size":1},"lanes":4,"neighbours":"along"}
@group(0) @binding(0) var<uniform> p: array<vec4u, 2>;
@group(0) @binding(1) var<storage, read_write> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i_0 = (wg.y * nwg.x + wg.x) * p[0].x;
  let i_1 = min(i_0 + p[0].y, p[0].z);
  for (var i_2 = i_0 + lid; i_2 < i_1; i_2 += 64u) {
    var r_3 = vec4f();
    for (var f_4 = 0u; f_4 < p[0].w; f_4++) {
      let i_5 = f_4 * 4u;
      let t_6 = x1[(i_2 * p[1].x + i_5) >> 2u];
      r_3 += t_6;
    }
    let t_7 = (r_3.xy + r_3.zw);
    let t_8 = (t_7.x + t_7.y);
    x0[i_2] = t_8;
  }
}

