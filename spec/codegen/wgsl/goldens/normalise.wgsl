// {"family":"Normalise","team":{"way":"alone","size":1},"lanes":4}
@group(0) @binding(0) var<uniform> p: array<vec4u, 2>;
@group(0) @binding(1) var<storage, read_write> x0: array<vec4f>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@group(0) @binding(3) var<storage, read> x2: array<vec4f>;
@group(0) @binding(4) var<storage, read> x3: array<vec4f>;
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i_0 = (wg.y * nwg.x + wg.x) * p[0].z;
  let i_1 = min(i_0 + p[0].w, p[1].x);
  for (var i_2 = i_0 + lid; i_2 < i_1; i_2 += 64u) {
    let t_3 = x1[(i_2 * p[1].y) >> 2u];
    let t_4 = dot(t_3, vec4f(1)) * 0.25f;
    var r_5 = vec4f();
    var r_6 = vec4f();
    for (var f_7 = 0u; f_7 < p[1].z; f_7++) {
      let i_8 = f_7 * 4u;
      let t_9 = x1[(i_2 * p[1].y + i_8) >> 2u];
      let t_10 = t_9 - t_4;
      r_5 += t_10;
      r_6 += t_10 * t_10;
    }
    let t_11 = vec2f(dot(r_5, vec4f(1)), dot(r_6, vec4f(1)));
    let t_12 = t_11 * bitcast<f32>(p[0].x);
    let t_13 = t_4 + t_12.x;
    let t_14 = 1 / sqrt(max(t_12.y - t_12.x * t_12.x, 0.0f) + bitcast<f32>(p[0].y));
    for (var f_15 = 0u; f_15 < p[1].z; f_15++) {
      let i_16 = f_15 * 4u;
      let t_17 = x1[(i_2 * p[1].y + i_16) >> 2u];
      let t_18 = (t_17 - t_13) * t_14;
      let t_19 = x2[(i_16) >> 2u];
      let t_20 = (t_18 * t_19);
      let t_21 = x3[(i_16) >> 2u];
      let t_22 = (t_20 + t_21);
      x0[(i_2 * p[1].w + i_16) >> 2u] = t_22;
    }
  }
}

