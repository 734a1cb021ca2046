namespace Distributed.Collectives.Transport;

/// <summary>How the elements of a payload are written, all of them little-endian.</summary>
public enum ElementFormat
{
    Float32 = 0,

    /// <summary>The upper half of a float32.</summary>
    Bfloat16 = 1,
}
