// {"family":"Sort","invocations":256,"held":4096}
@group(0) @binding(0) var<uniform> p: array<vec4u, 1>;
@group(0) @binding(1) var<storage, read_write> x0: array<u32>;
@group(0) @binding(2) var<storage, read> x1: array<u32>;
var<workgroup> keys: array<u32, 4096>;
fn key_of(x: u32) -> u32 { let size = x & 0x7fffffffu; if (size == 0u) { return 0x80000000u; } if (size > 0x7f800000u) { return 0xffffffffu; } return x ^ select(0x80000000u, 0xffffffffu, x >= 0x80000000u); }
fn number_of(x: u32) -> u32 { return x ^ select(0xffffffffu, 0x80000000u, x >= 0x80000000u); }
@compute @workgroup_size(256, 1, 1)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n_0 = p[0].x;
  let n_1 = p[0].y;
  if ((wg.y * nwg.x + wg.x) >= n_1) { return; }
  let r_2 = (wg.y * nwg.x + wg.x) * n_0;
  let n_3 = p[0].z;
  for (var piece = 0u; piece < n_0; piece += 4096u) {
    for (var e_4 = lid; e_4 < 4096u; e_4 += 256u) {
      var k_5 = 0xffffffffu;
      if (piece + e_4 < n_0) { k_5 = key_of(x1[r_2 + piece + e_4]); }
      keys[e_4] = k_5;
    }
    workgroupBarrier();
    for (var size = 2u; size <= 4096u; size <<= 1u) {
      for (var e_6 = lid; e_6 < 2048u; e_6 += 256u) {
        let o_7 = e_6 & ((size >> 1u) - 1u);
        let o_8 = (e_6 - o_7) << 1u;
        let i_9 = o_8 + o_7;
        let j_10 = o_8 + size - 1u - o_7;
        let a_11 = keys[i_9];
        let b_12 = keys[j_10];
        if (a_11 > b_12) { keys[i_9] = b_12; keys[j_10] = a_11; }
      }
      workgroupBarrier();
      for (var by = size >> 2u; by > 0u; by >>= 1u) {
        for (var e_13 = lid; e_13 < 2048u; e_13 += 256u) {
          let o_14 = e_13 & (by - 1u);
          let i_15 = ((e_13 - o_14) << 1u) + o_14;
          let j_16 = i_15 + by;
          let a_17 = keys[i_15];
          let b_18 = keys[j_16];
          if (a_17 > b_18) { keys[i_15] = b_18; keys[j_16] = a_17; }
        }
        workgroupBarrier();
      }
    }
    for (var e_19 = lid; e_19 < 4096u; e_19 += 256u) {
      if (piece + e_19 < n_0) { x0[r_2 + piece + e_19] = keys[e_19]; }
    }
  }
  storageBarrier();
  for (var size = 8192u; size <= n_3 * 2u; size <<= 1u) {
    for (var e_20 = lid; e_20 < n_3; e_20 += 256u) {
      let o_21 = e_20 & ((size >> 1u) - 1u);
      let o_22 = (e_20 - o_21) << 1u;
      let i_23 = o_22 + o_21;
      let j_24 = o_22 + size - 1u - o_21;
      if (j_24 < n_0) {
        let a_25 = x0[r_2 + i_23];
        let b_26 = x0[r_2 + j_24];
        if (a_25 > b_26) { x0[r_2 + i_23] = b_26; x0[r_2 + j_24] = a_25; }
      }
    }
    storageBarrier();
    for (var by = size >> 2u; by >= 4096u; by >>= 1u) {
      for (var e_27 = lid; e_27 < n_3; e_27 += 256u) {
        let o_28 = e_27 & (by - 1u);
        let i_29 = ((e_27 - o_28) << 1u) + o_28;
        let j_30 = i_29 + by;
        if (j_30 < n_0) {
          let a_31 = x0[r_2 + i_29];
          let b_32 = x0[r_2 + j_30];
          if (a_31 > b_32) { x0[r_2 + i_29] = b_32; x0[r_2 + j_30] = a_31; }
        }
      }
      storageBarrier();
    }
    for (var piece = 0u; piece < n_0; piece += 4096u) {
      for (var e_33 = lid; e_33 < 4096u; e_33 += 256u) {
        var k_34 = 0xffffffffu;
        if (piece + e_33 < n_0) { k_34 = x0[r_2 + piece + e_33]; }
        keys[e_33] = k_34;
      }
      workgroupBarrier();
      for (var by = 2048u; by > 0u; by >>= 1u) {
        for (var e_35 = lid; e_35 < 2048u; e_35 += 256u) {
          let o_36 = e_35 & (by - 1u);
          let i_37 = ((e_35 - o_36) << 1u) + o_36;
          let j_38 = i_37 + by;
          let a_39 = keys[i_37];
          let b_40 = keys[j_38];
          if (a_39 > b_40) { keys[i_37] = b_40; keys[j_38] = a_39; }
        }
        workgroupBarrier();
      }
      for (var e_41 = lid; e_41 < 4096u; e_41 += 256u) {
        if (piece + e_41 < n_0) { x0[r_2 + piece + e_41] = keys[e_41]; }
      }
    }
    storageBarrier();
  }
  let b_42 = x0[r_2 + n_0 - 1u] == 0xffffffffu;
  storageBarrier();
  for (var e_43 = lid; e_43 < n_0; e_43 += 256u) {
    let k_44 = x0[r_2 + e_43];
    let x_45 = select(number_of(k_44), 0u, k_44 == 0xffffffffu);
    x0[r_2 + e_43] = select(x_45, 0x7fc00000u, e_43 == 0u && b_42);
  }
}

