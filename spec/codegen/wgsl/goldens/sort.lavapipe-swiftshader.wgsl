// {"family":"Sort","invocations":16,"held":128}
@group(0) @binding(0) var<uniform> p: array<vec4u, 1>;
@group(0) @binding(1) var<storage, read_write> x0: array<u32>;
@group(0) @binding(2) var<storage, read> x1: array<u32>;
var<workgroup> keys: array<u32, 128>;
fn key_of(x: u32) -> u32 { let size = x & 0x7fffffffu; if (size == 0u) { return 0x80000000u; } if (size > 0x7f800000u) { return 0xffffffffu; } return x ^ select(0x80000000u, 0xffffffffu, x >= 0x80000000u); }
fn number_of(x: u32) -> u32 { return x ^ select(0xffffffffu, 0x80000000u, x >= 0x80000000u); }
@compute @workgroup_size(16, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n_0 = p[0].x;
  let n_1 = p[0].y;
  let r_2 = (wg.y * nwg.x + wg.x) * 4u;
  let n_3 = p[0].z;
  for (var e_4 = lid; e_4 < 128u; e_4 += 16u) {
    let i_5 = e_4 & (n_3 - 1u);
    let r_6 = r_2 + e_4 / n_3;
    var k_7 = 0xffffffffu;
    if (i_5 < n_0 && r_6 < n_1) { k_7 = key_of(x1[r_6 * n_0 + i_5]); }
    keys[e_4] = k_7;
  }
  workgroupBarrier();
  for (var size = 2u; size <= n_3; size <<= 1u) {
    for (var e_8 = lid; e_8 < 64u; e_8 += 16u) {
      let o_9 = e_8 & ((size >> 1u) - 1u);
      let o_10 = (e_8 - o_9) << 1u;
      let i_11 = o_10 + o_9;
      let j_12 = o_10 + size - 1u - o_9;
      let a_13 = keys[i_11];
      let b_14 = keys[j_12];
      if (a_13 > b_14) { keys[i_11] = b_14; keys[j_12] = a_13; }
    }
    workgroupBarrier();
    for (var by = size >> 2u; by > 0u; by >>= 1u) {
      for (var e_15 = lid; e_15 < 64u; e_15 += 16u) {
        let o_16 = e_15 & (by - 1u);
        let i_17 = ((e_15 - o_16) << 1u) + o_16;
        let j_18 = i_17 + by;
        let a_19 = keys[i_17];
        let b_20 = keys[j_18];
        if (a_19 > b_20) { keys[i_17] = b_20; keys[j_18] = a_19; }
      }
      workgroupBarrier();
    }
  }
  for (var e_21 = lid; e_21 < 128u; e_21 += 16u) {
    let i_22 = e_21 & (n_3 - 1u);
    let r_23 = r_2 + e_21 / n_3;
    if (i_22 < n_0 && r_23 < n_1) {
      let k_24 = keys[e_21];
      let x_25 = select(number_of(k_24), 0u, k_24 == 0xffffffffu);
      x0[r_23 * n_0 + i_22] = select(x_25, 0x7fc00000u, i_22 == 0u && keys[e_21 - i_22 + n_0 - 1u] == 0xffffffffu);
    }
  }
}

