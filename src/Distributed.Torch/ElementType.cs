namespace Distributed.Torch;

/// <summary>
/// What a model computes in. Float64 is for checks of the mathematics, not for training.
/// </summary>
public enum ElementType
{
    Float32 = 0,
    Float64 = 1,
}

internal static class ElementTypes
{
    internal static int ByteSize(this ElementType type) => type == ElementType.Float64 ? 8 : 4;
}
