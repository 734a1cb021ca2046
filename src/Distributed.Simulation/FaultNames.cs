namespace Distributed.Simulation;

/// <summary>The kinds of faults as people write them.</summary>
public static class FaultNames
{
    /// <summary>Every single kind, in a fixed order.</summary>
    public static IReadOnlyList<FaultClasses> Each { get; } =
    [
        .. Enum.GetValues<FaultClasses>().Where(
            value => value is not (FaultClasses.None or FaultClasses.All)),
    ];

    public static string Of(FaultClasses fault) => fault.ToString().ToLowerInvariant();

    /// <summary>The names of several, with commas; empty for none.</summary>
    public static string Join(FaultClasses faults) =>
        string.Join(',', Each.Where(fault => faults.HasFlag(fault)).Select(Of));

    /// <summary>Null where nothing has that name.</summary>
    public static FaultClasses? Parse(string name)
    {
        foreach (FaultClasses fault in Each)
        {
            if (Of(fault) == name)
                return fault;
        }

        return null;
    }
}
