namespace Distributed.Kernel;

/// <summary>What every command of this program may exit with.</summary>
public static class ExitCodes
{
    public const int Done = 0;
    public const int OperatingError = 1;
    public const int BadUsage = 2;
    public const int NotEnoughWorkers = 3;
    public const int NumericsDiverged = 4;

    /// <summary>Of `doctor --engine` alone: there is no libtorch to build the engine for.</summary>
    public const int NoLibtorch = 5;

    public const int BrokenInvariant = 70;
    public const int Interrupted = 130;
}
