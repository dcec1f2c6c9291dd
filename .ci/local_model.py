"""Serves SmolLM2-135M-Instruct over the OpenAI-compatible API on 127.0.0.1 for a bounded time: VENV PORT SECONDS."""

import pathlib
import sys
import time

import xllamacpp

venv, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
params = xllamacpp.CommonParams()
params.model.path = str(next(pathlib.Path(venv).rglob("SmolLM2-135M-Instruct.Q4_1.gguf")))
params.model_alias = {"smollm2-135m"}
params.hostnames = ["127.0.0.1"]
params.port = port
params.n_ctx = 4096
params.n_parallel = 2
params.cpuparams.n_threads = 2
server = xllamacpp.Server(params)
time.sleep(seconds)
