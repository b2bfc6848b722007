"""Import OpenVINO without its model converter, which takes more than half of the import's time.

`import openvino` goes on when the converter cannot be imported. It can be had afterwards as
`openvino.tools.ovc`.
"""

import sys

sys.modules["openvino.tools.ovc"] = None  # type: ignore[assignment]  # which makes its import fail
import openvino  # noqa: E402

del sys.modules["openvino.tools.ovc"]

__all__ = ["openvino"]
