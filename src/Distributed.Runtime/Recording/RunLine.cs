using System.Globalization;
using System.Text.Json;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Telemetry;

namespace Distributed.Runtime.Recording;

/// <summary>
/// A line of metrics.jsonl, and the points of TensorBoard's event files that follow from it and
/// from nothing else.
/// </summary>
/// <param name="Step">The step whose state the line is about; points are at this step.</param>
public abstract record RunLine(long Step)
{
    private const string EpochMark = $"\"kind\":\"{EpochLine.Kind}\"";

    /// <summary>As written to the file; the first field tells the kind.</summary>
    public abstract (string Name, object? Value)[] Fields { get; }

    public virtual IReadOnlyList<(string Tag, double Value)> Points => [];

    /// <summary>
    /// The lines of a metrics.jsonl in order, without those of a kind that is not known.
    /// </summary>
    /// <exception cref="OperatingException">A line is not one of this program.</exception>
    public static IEnumerable<RunLine> Read(string metricsPath) => Read(metricsPath, mark: "");

    private static IEnumerable<RunLine> Read(string metricsPath, string mark)
    {
        int lineNumber = 0;
        foreach (JsonElement json in MetricsFile.Read(metricsPath, mark))
        {
            lineNumber++;
            RunLine? line;
            try
            {
                line = Parse(json);
            }
            catch (FormatException malformed)
            {
                throw new OperatingException(
                    $"{metricsPath} {LineWord(lineNumber, mark)} is not as this program writes it "
                    + $"({malformed.Message}); remove the line", inner: malformed);
            }

            if (line is not null)
                yield return line;
        }
    }

    private static string LineWord(int number, string mark) => mark.Length == 0
        ? $"line {number}"
        : $"line {number} of those with {mark}";

    /// <summary>The ends of epochs alone, without looking into other lines.</summary>
    /// <exception cref="OperatingException">A line is not one of this program.</exception>
    public static IReadOnlyList<EpochCompleted> ReadEpochs(string metricsPath) =>
        [.. Read(metricsPath, EpochMark).OfType<EpochLine>().Select(line => line.Epoch)];

    /// <summary>Reads what <see cref="Fields"/> wrote; null for a kind that is not known.</summary>
    /// <exception cref="FormatException">A field is missing or of another type.</exception>
    public static RunLine? Parse(JsonElement line)
    {
        try
        {
            return Text(line, "kind") switch
            {
                StepLine.Kind => StepLine.From(line),
                TimesLine.Kind => TimesLine.From(line),
                EpochLine.Kind => EpochLine.From(line),
                DoneLine.Kind => DoneLine.From(line),
                _ => null,
            };
        }
        catch (Exception malformed) when (malformed
            is KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException(malformed.Message, malformed);
        }
    }

    protected static string Text(JsonElement line, string name) =>
        line.GetProperty(name).GetString() ?? throw new FormatException($"{name} is null");

    protected static int Count(JsonElement line, string name) =>
        line.GetProperty(name).GetInt32();

    protected static long Long(JsonElement line, string name) =>
        line.GetProperty(name).GetInt64();

    /// <summary>Numbers that JSON has not, such as NaN, are texts there.</summary>
    protected static double Number(JsonElement line, string name) =>
        line.GetProperty(name) is { ValueKind: JsonValueKind.String } text
            ? double.Parse(text.GetString()!, CultureInfo.InvariantCulture)
            : line.GetProperty(name).GetDouble();
}

/// <summary>A committed step.</summary>
public sealed record StepLine(
    long Step, int Epoch, double Loss, double Accuracy, double LearningRate) : RunLine(Step)
{
    public const string Kind = "step";

    public override (string Name, object? Value)[] Fields =>
    [
        ("kind", Kind), ("step", Step), ("epoch", Epoch), ("loss", Loss), ("accuracy", Accuracy),
        ("learning_rate", LearningRate),
    ];

    public override IReadOnlyList<(string Tag, double Value)> Points =>
        [("loss/train", Loss), ("accuracy/train", Accuracy), ("learning_rate", LearningRate)];

    public static StepLine Of(StepRecord step, int epoch) => new(
        step.Step, epoch, step.Loss, (double)step.Correct / step.Samples, step.LearningRate);

    public static StepLine From(JsonElement line) => new(
        Long(line, "step"), Count(line, "epoch"), Number(line, "loss"), Number(line, "accuracy"),
        Number(line, "learning_rate"));
}

/// <summary>
/// Where a worker's time went, as means over the steps of one report: one point a report is enough
/// to see a straggler.
/// </summary>
public sealed record TimesLine(
    long Step, ReportOrigin Origin, int Steps, double ComputeMs, double CommunicationMs,
    double WaitMs, double StepMs, double LongestGapMs, double ImagesPerSecond) : RunLine(Step)
{
    public const string Kind = "times";

    /// <summary>The worker's incarnation, as log lines have it.</summary>
    private string Worker => Origin.Incarnation.ToString("x16", CultureInfo.InvariantCulture);

    public override (string Name, object? Value)[] Fields =>
    [
        ("kind", Kind), ("step", Step), ("rank", Origin.Rank), ("worker", Worker),
        ("sequence", Origin.Sequence), ("steps", Steps), ("compute_ms", ComputeMs),
        ("communication_ms", CommunicationMs), ("wait_ms", WaitMs), ("step_ms", StepMs),
        ("longest_gap_ms", LongestGapMs), ("images_per_second", ImagesPerSecond),
    ];

    public override IReadOnlyList<(string Tag, double Value)> Points
    {
        get
        {
            (string, double)[] ofRank =
            [
                (RecordedTags.OfRank(Origin.Rank, "compute_ms"), ComputeMs),
                (RecordedTags.OfRank(Origin.Rank, "communication_ms"), CommunicationMs),
                (RecordedTags.OfRank(Origin.Rank, "wait_ms"), WaitMs),
                (RecordedTags.OfRank(Origin.Rank, "step_ms"), StepMs),
                (RecordedTags.OfRank(Origin.Rank, "images_per_second"), ImagesPerSecond),
            ];
            return Origin.Rank == 0
                ? [.. ofRank, ("images_per_second", ImagesPerSecond)]
                : ofRank;
        }
    }

    public static TimesLine Of(ReportOrigin origin, StepsCommitted report)
    {
        IReadOnlyList<StepRecord> steps = report.Steps;
        return new(
            steps[^1].Step, origin, steps.Count, steps.Average(step => step.ComputeMs),
            steps.Average(step => step.CommunicationMs), steps.Average(step => step.WaitMs),
            steps.Average(step => step.StepMs), report.LongestGapMs,
            steps.Sum(step => (double)step.Samples) / (steps.Sum(step => step.StepMs) / 1e3));
    }

    public static TimesLine From(JsonElement line) => new(
        Long(line, "step"),
        new ReportOrigin(
            ulong.Parse(
                Text(line, "worker"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            Long(line, "sequence"), Count(line, "rank")),
        Count(line, "steps"), Number(line, "compute_ms"), Number(line, "communication_ms"),
        Number(line, "wait_ms"), StepMsIn(line), Number(line, "longest_gap_ms"),
        Number(line, "images_per_second"));

    /// <summary>Lines did not always have it.</summary>
    private static double StepMsIn(JsonElement line) => line.TryGetProperty("step_ms", out _)
        ? Number(line, "step_ms")
        : Number(line, "compute_ms") + Number(line, "communication_ms") + Number(line, "wait_ms");
}

/// <summary>An epoch's end.</summary>
public sealed record EpochLine(EpochCompleted Epoch) : RunLine(Epoch.Step)
{
    public const string Kind = "epoch";

    public override (string Name, object? Value)[] Fields =>
    [
        ("kind", Kind), ("epoch", Epoch.Epoch), ("step", Step), ("train_loss", Epoch.TrainLoss),
        ("train_accuracy", Epoch.TrainAccuracy), ("test_loss", Epoch.TestLoss),
        ("test_accuracy", Epoch.TestAccuracy), ("seconds", Epoch.Seconds),
    ];

    public override IReadOnlyList<(string Tag, double Value)> Points =>
    [
        ("loss/epoch", Epoch.TrainLoss), ("accuracy/epoch", Epoch.TrainAccuracy),
        ("loss/test", Epoch.TestLoss), ("accuracy/test", Epoch.TestAccuracy),
    ];

    public static EpochLine From(JsonElement line) => new(new EpochCompleted(
        Count(line, "epoch"), Long(line, "step"), Number(line, "train_loss"),
        Number(line, "train_accuracy"), Number(line, "test_loss"), Number(line, "test_accuracy"),
        Number(line, "seconds")));
}

/// <summary>The end of a run that completed.</summary>
public sealed record DoneLine(
    long Step, long Samples, double TestAccuracy, double TestLoss, string ParametersSha256,
    double ImagesPerSecond, int Generations, long StepsRedone, long StepsLost, double Seconds)
    : RunLine(Step)
{
    public const string Kind = "done";

    public override (string Name, object? Value)[] Fields =>
    [
        ("kind", Kind), ("step", Step), ("samples", Samples), ("test_accuracy", TestAccuracy),
        ("test_loss", TestLoss), ("parameters_sha256", ParametersSha256),
        ("images_per_second", ImagesPerSecond), ("generations", Generations),
        ("steps_redone", StepsRedone), ("steps_lost", StepsLost), ("seconds", Seconds),
    ];

    public static DoneLine Of(RunCompleted done) => new(
        done.Steps, done.Samples, done.TestAccuracy, done.TestLoss, done.ParametersSha256,
        done.ImagesPerSecond, done.Generations, done.StepsRedone, done.StepsLost, done.Seconds);

    public static DoneLine From(JsonElement line) => new(
        Long(line, "step"), Long(line, "samples"), Number(line, "test_accuracy"),
        Number(line, "test_loss"), Text(line, "parameters_sha256"),
        Number(line, "images_per_second"), Count(line, "generations"), Long(line, "steps_redone"),
        Long(line, "steps_lost"), Number(line, "seconds"));
}
