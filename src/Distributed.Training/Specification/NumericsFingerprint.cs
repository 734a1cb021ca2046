using System.Globalization;

namespace Distributed.Training.Specification;

/// <summary>
/// Everything outside spec and seed that a run's bits may depend on. Two workers, or a run and its
/// resumption, give the same bits when no field differs.
/// </summary>
public sealed record NumericsFingerprint(
    int EngineRevision, string LibtorchVersion, string BlasCore, string CpuCapability,
    string OneDnnIsa, string Device, string Precision, int ThreadsPerWorker, int GlobalBatch,
    int LogicalShards, int MicroBatch, string Reduction)
{
    /// <summary>That of files from before it was written down.</summary>
    private const int FirstEngineRevision = 1;

    /// <summary>The same; there was no other.</summary>
    private const string FirstTrainer = "host";

    /// <summary>
    /// Where steps are computed: on the host, or by the trainer that lives on a device.
    /// </summary>
    public string Trainer { get; init; } = FirstTrainer;

    /// <summary>The fields that differ; empty when the bits agree.</summary>
    public IReadOnlyList<FingerprintDifference> Compare(NumericsFingerprint actual) =>
        [.. Fields()
            .Zip(actual.Fields(), (mine, other) =>
                new FingerprintDifference(mine.Key, mine.Value, other.Value))
            .Where(difference => difference.Expected != difference.Actual)];

    /// <summary>All fields on one line: `key=value; key=value`.</summary>
    public string ToText() =>
        string.Join("; ", Fields().Select(field => $"{field.Key}={field.Value}"));

    /// <summary>The fields by the names that files and messages use, in one order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Fields() =>
    [
        new("engineRevision", Word(EngineRevision)),
        new("libtorchVersion", LibtorchVersion),
        new("blasCore", BlasCore),
        new("cpuCapability", CpuCapability),
        new("oneDnnIsa", OneDnnIsa),
        new("device", Device),
        new("precision", Precision),
        new("trainer", Trainer),
        new("threadsPerWorker", Word(ThreadsPerWorker)),
        new("globalBatch", Word(GlobalBatch)),
        new("logicalShards", Word(LogicalShards)),
        new("microBatch", Word(MicroBatch)),
        new("reduction", Reduction),
    ];

    /// <summary>Reads what <see cref="ToText"/> wrote; null when a field is missing.</summary>
    public static NumericsFingerprint? FromText(string text) => FromFields(
        text.Split("; ").Select(pair => pair.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1]));

    /// <summary>Null when a field is missing or is not the number that it must be.</summary>
    public static NumericsFingerprint? FromFields(IReadOnlyDictionary<string, string> fields)
    {
        string? text(string key) => fields.GetValueOrDefault(key);
        int? number(string key) =>
            int.TryParse(text(key), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
                ? value : null;
        int? engine = fields.ContainsKey("engineRevision")
            ? number("engineRevision") : FirstEngineRevision;
        return engine is { } revision
            && text("libtorchVersion") is { } libtorch && text("blasCore") is { } blas
            && text("cpuCapability") is { } capability && text("oneDnnIsa") is { } isa
            && text("device") is { } device && text("precision") is { } precision
            && number("threadsPerWorker") is { } threads && number("globalBatch") is { } batch
            && number("logicalShards") is { } shards && number("microBatch") is { } micro
            && text("reduction") is { } reduction
            ? new NumericsFingerprint(
                revision, libtorch, blas, capability, isa, device, precision, threads, batch,
                shards, micro, reduction)
            {
                Trainer = text("trainer") ?? FirstTrainer,
            }
            : null;
    }

    private static string Word(int value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A field of the numerics fingerprint that is not what it was.</summary>
public sealed record FingerprintDifference(string Field, string Expected, string Actual)
{
    public override string ToString() => $"{Field} is {Actual}, expected {Expected}";
}
