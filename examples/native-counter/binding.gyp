{
  "targets": [
    {
      "target_name": "counter",
      "sources": ["counter.c"],
      "include_dirs": ["<!(node -p \"require('rseq-slice/native').include\")"],
      "defines": ["NAPI_VERSION=8"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-pthread"],
      "ldflags": ["-pthread", "-Wl,-z,nodelete"]
    }
  ]
}
