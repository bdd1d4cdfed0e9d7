{
  "targets": [
    {
      "target_name": "rseq_slice",
      "sources": [
        "native/addon.cc",
        "native/api.c",
        "native/attach.c",
        "native/calls.c",
        "native/forks.c",
        "native/futex.c",
        "native/kernel.c",
        "native/libc.c",
        "native/mapping.c",
        "native/users.c"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=8",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        "RSEQ_SLICE_OLDEST_GLIBC"
      ],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"],
      "cflags_c": ["-std=gnu11", "-O2"],
      "cflags_cc": ["-Os"],
      "ldflags": ["-Wl,-z,nodelete", "-Wl,-z,noseparate-code", "-Wl,--gc-sections", "-pthread"],
      "libraries": ["-ldl"]
    }
  ]
}
