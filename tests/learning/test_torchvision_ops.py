import subprocess
import sys

CODE = """
import sys
from musqa_pipeline.learning import torchvision_ops
import torchvision, torch
assert "lightning" not in sys.modules
print(torchvision_ops.DECLARED, torchvision.extension._has_ops(), torchvision.ops.nms is not None)
for name in ("nms", "qnms") if torchvision_ops.DECLARED else ("nms",):  # newer ones have no qnms
    print(getattr(torch.ops.torchvision, name).default._schema)
assert torchvision_ops.allow_torchvision() is torchvision_ops.DECLARED
"""


def test_torchvision_can_be_imported_in_a_fresh_process_whatever_torch_it_was_built_for():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    flags, *schemas = done.stdout.splitlines()
    declared, compiled, _ = flags.split()
    assert declared != compiled  # declared here exactly if the compiled operators are missing
    assert len(schemas) == (2 if declared == "True" else 1)
    for name, schema in zip(("nms", "qnms"), schemas, strict=False):
        assert schema.startswith(f"torchvision::{name}(Tensor dets, Tensor scores, float iou_thr")
