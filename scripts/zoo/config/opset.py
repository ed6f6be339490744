"""The ONNX operator set that files are in where nobody asks for another."""

DEFAULT_OPSET = 17
"""The newest that onnxruntime 1.31 and pnnx 20261020 both read exactly.

Since 18 a reduction takes its axes as an input, which pnnx drops if it is a single one: the mean over the
tokens of a ViT, over the channels in GRN. Since 17 layer norm is one operator.
"""

LEAST_OF_INT8 = 13
"""The first in which weights are quantized by channel: of int8 files where fp32.onnx is of an older one."""

VENDOR_OPSET = 11
"""Of opset11.onnx, which a vendor's toolchain starts from."""

_VENDORS = """
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Clip
Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout
Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool
GlobalLpPool GlobalMaxPool Greater HardSigmoid Identity InstanceNormalization LRN LSTM LeakyRelu Less Log
LogSoftmax LpNormalization LpPool MatMul Max MaxPool MaxRoiPool Min Mod Mul Neg Not OneHot Or PRelu Pad Pow
QuantizeLinear RNN RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum
ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
ReverseSequence RoiAlign Round ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax
Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose
Unsqueeze Upsample Where
"""
VENDOR_OPERATORS = frozenset(_VENDORS.split())
"""What D-Robotics' toolchain computes for the RDK X5, on its accelerator or its CPU.

That is the board's table of ONNX operators in D-Robotics/rdk_doc, commit fde2a10, docs/
07_Advanced_development/04_toolchain_development/intermediate/supported_op_list.md, without those that it
marks as not integrated yet and those that opset 11 lacks (GreaterOrEqual, LessOrEqual, GridSample). What it
says of shapes and types is not looked at.
"""


def opset_of(artifact: str, opset: int) -> int | None:
    """The operator set that an artifact is to be in, if fp32.onnx is in `opset`; None: it is no ONNX file."""
    if not artifact.endswith(".onnx"):
        return None
    if artifact == "opset11.onnx":
        return VENDOR_OPSET
    return max(opset, LEAST_OF_INT8) if artifact.startswith("int8_") else opset
