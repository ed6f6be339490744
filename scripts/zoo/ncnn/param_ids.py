"""The ids of layer parameters in a `.param`, and what some of their values mean, under ncnn's own names.

Source: `load_param` of each layer in ncnn's `src/layer/*.cpp`, whose member `kernel_w` is `KERNEL_W` here and
`transB` `TRANS_B`. Listed are the layers whose parameters this library reads or writes.
"""


class AnyLayer:
    """What every layer has under the same id. Source: `src/net.cpp`, `load_param`."""

    FEATURE_MASK = 31


class FeatureMask:
    """Bits of a FEATURE_MASK: what ncnn is not to do in that layer. Source: `get_masked_option`.

    NO_FP16_STORAGE in a layer alone is not enough: what comes from a layer that stores float16 stays float16,
    and ncnn 20261020 then reads it as float32, which ends the process on ARM and gives NaN on Vulkan. See
    `zoo.ncnn.masks`.
    """

    NO_FP16_ARITHMETIC = 1
    NO_FP16_STORAGE = 2
    NO_VULKAN = 16


class Quantizable:
    """What `Convolution`, `ConvolutionDepthWise` and `InnerProduct` have under the same ids."""

    NUM_OUTPUT = 0
    INT8_SCALE_TERM = 8
    ACTIVATION_TYPE = 9
    ACTIVATION_PARAMS = 10


class Convolution(Quantizable):
    """Those of 1 and 3 dimensions have the same ids, as far as they have these parameters, and so below."""

    KERNEL_W = 1
    DILATION_W = 2
    STRIDE_W = 3
    PAD_LEFT = 4
    BIAS_TERM = 5
    WEIGHT_DATA_SIZE = 6
    KERNEL_H = 11
    DILATION_H = 12
    STRIDE_H = 13
    PAD_TOP = 14
    PAD_RIGHT = 15
    PAD_BOTTOM = 16
    PAD_VALUE = 18
    DYNAMIC_WEIGHT = 19


class ConvolutionDepthWise(Convolution):
    GROUP = 7


class DeformableConv2D(Convolution):
    pass


class Deconvolution:
    NUM_OUTPUT = 0
    KERNEL_W = 1
    BIAS_TERM = 5
    WEIGHT_DATA_SIZE = 6
    DYNAMIC_WEIGHT = 28


class DeconvolutionDepthWise(Deconvolution):
    GROUP = 7


class InnerProduct(Quantizable):
    BIAS_TERM = 1
    WEIGHT_DATA_SIZE = 2


class FusedActivation:
    """Values of ACTIVATION_TYPE. Source: `src/layer/fused_activation.h`."""

    RELU = 1
    LEAKY_RELU = 2  # slope
    CLIP = 3  # min, max
    SIGMOID = 4
    MISH = 5
    HARD_SWISH = 6  # alpha, beta


class Int8ScaleTerm:
    """Values of INT8_SCALE_TERM, which tells how many weight scales there are; 0: the layer is float.

    A ConvolutionDepthWise has one a group by BY_GROUP, and one in all by SHARED; the other layers have one an
    output channel whatever the value. REQUANTIZED is added where the output is int8 too.
    """

    BY_GROUP = 1
    SHARED = 2
    REQUANTIZED = 100


class Gemm:
    ALPHA = 0
    BETA = 1
    TRANS_A = 2
    TRANS_B = 3
    CONSTANT_A = 4
    CONSTANT_B = 5
    CONSTANT_C = 6
    CONSTANT_M = 7
    CONSTANT_N = 8
    CONSTANT_K = 9
    CONSTANT_BROADCAST_TYPE_C = 10
    OUTPUT_N1M = 11
    OUTPUT_ELEMPACK = 12
    OUTPUT_ELEMTYPE = 13
    OUTPUT_TRANSPOSE = 14
    QUANTIZE_TERM = 18


class BroadcastTypeC:
    """Values of CONSTANT_BROADCAST_TYPE_C: the shape of the C that a Gemm adds to its M x N products."""

    NONE = -1
    SCALAR = 0
    M = 1
    M_1 = 2
    M_N = 3
    N = 4


class MultiHeadAttention:
    EMBED_DIM = 0
    NUM_HEADS = 1
    WEIGHT_DATA_SIZE = 2
    KDIM = 3
    VDIM = 4
    ATTN_MASK = 5
    SCALE = 6
    KV_CACHE = 7
    QUANTIZE_TERM = 18


class Embed:
    NUM_OUTPUT = 0
    INPUT_DIM = 1
    BIAS_TERM = 2
    WEIGHT_DATA_SIZE = 3
    INT8_SCALE_TERM = 18


class RNN:
    NUM_OUTPUT = 0
    WEIGHT_DATA_SIZE = 1
    DIRECTION = 2
    INT8_SCALE_TERM = 8


class GRU(RNN):
    pass


class LSTM(RNN):
    HIDDEN_SIZE = 3


class Direction:
    """Values of a recurrent layer's DIRECTION."""

    FORWARD = 0
    REVERSE = 1
    BOTH = 2


class BatchNorm:
    CHANNELS = 0
    EPS = 1


class GroupNorm:
    GROUP = 0
    CHANNELS = 1
    EPS = 2
    AFFINE = 3


class InstanceNorm:
    CHANNELS = 0
    EPS = 1
    AFFINE = 2


class LayerNorm:
    AFFINE_SIZE = 0
    EPS = 1
    AFFINE = 2


class RMSNorm(LayerNorm):
    pass


class Normalize:
    SCALE_DATA_SIZE = 3


class Quantize:
    SCALE_DATA_SIZE = 0


class Dequantize:
    SCALE_DATA_SIZE = 0
    BIAS_DATA_SIZE = 1


class Requantize:
    SCALE_IN_DATA_SIZE = 0
    SCALE_OUT_DATA_SIZE = 1
    BIAS_DATA_SIZE = 2


class Scale:
    SCALE_DATA_SIZE = 0
    BIAS_TERM = 1

    FROM_BLOB = -233  # a value of SCALE_DATA_SIZE: the scale is no array but a second input


class Bias:
    BIAS_DATA_SIZE = 0


class PReLU:
    NUM_SLOPE = 0


class MemoryData:
    W = 0
    H = 1
    C = 2
    D = 11
    LOAD_TYPE = 21


class LoadType:
    """Values of a MemoryData's LOAD_TYPE; RAW is ncnn's default."""

    TAGGED = 0
    RAW = 1


class Padding:
    TOP = 0
    BOTTOM = 1
    LEFT = 2
    RIGHT = 3
    TYPE = 4
    VALUE = 5
    PER_CHANNEL_PAD_DATA_SIZE = 6


class PaddingType:
    """Values of a Padding's TYPE."""

    CONSTANT = 0
    REPLICATE = 1
    REFLECT = 2


class Pooling:
    POOLING_TYPE = 0
    KERNEL_W = 1
    STRIDE_W = 2
    PAD_LEFT = 3
    GLOBAL_POOLING = 4


class PoolMethod:
    """Values of POOLING_TYPE."""

    MAX = 0
    AVE = 1


class Reshape:
    W = 0
    H = 1
    C = 2
    SHAPE_EXPR = 6  # w,h,c in sizes of the inputs, as in "1w,1h,-1"
    D = 11


class Cast:
    TYPE_FROM = 0
    TYPE_TO = 1


class Reorg:
    STRIDE = 0
    MODE = 1


class Permute:
    ORDER_TYPE = 0


class PermuteOrder:
    """Values of ORDER_TYPE: which of ncnn's axes becomes w, h, ...; of a matrix there are the first two."""

    W_H = 0
    H_W = 1
    C_W_H = 3
    H_C_W = 4


class BinaryOp:
    OP_TYPE = 0
    WITH_SCALAR = 1
    B = 2


class Operation:
    """Values of a BinaryOp's OP_TYPE."""

    ADD = 0
    SUB = 1
    MUL = 2


class Reduction:
    OPERATION = 0
    REDUCE_ALL = 1
    COEFF = 2
    AXES = 3
    KEEPDIMS = 4
    FIXBUG0 = 5  # 1 in every file that is newer than a fault of ncnn's with negative axes


class ReductionOp:
    """Values of a Reduction's OPERATION."""

    SUM = 0
    MEAN = 3


class Clip:
    MIN = 0
    MAX = 1


class ReLU:
    SLOPE = 0


class HardSwish:
    ALPHA = 0
    BETA = 1


class GELU:
    FAST_GELU = 0
