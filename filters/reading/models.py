"""Loads models that lie in packages, for onnxruntime."""

from importlib.resources import as_file
from importlib.resources.abc import Traversable
from typing import Any

import onnxruntime

from filters.errors import FilterError


def loaded(model: Traversable, package: str) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Return a model ready to run, in the caller's thread alone; ``package`` brings it. Raises FilterError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # lines differ in width: memory would grow with each new one
    options.log_severity_level = 4
    try:
        with as_file(model) as path:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise FilterError(
            f"the text model {model.name} cannot be loaded ({type(error).__name__}): "
            f"install the package {package} again"
        ) from error
