using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;
using FsCheck.Xunit;

namespace Distributed.Runtime.Tests.Recording;

public sealed class RunLineTests : IDisposable
{
    private readonly RunFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Property(MaxTest = 200)]
    public void Every_line_comes_back_as_it_was_written(int seed)
    {
        var random = new Random(seed);
        RunLine[] lines = [.. Enumerable.Range(0, 8).Select(_ => Draw(random))];
        folder.Clear();
        using (var metrics = new MetricsFile(folder.MetricsPath))
        {
            foreach (RunLine line in lines)
                metrics.Append(line.Fields);
        }

        Assert.Equal(lines, MetricsFile.Read(folder.MetricsPath).Select(RunLine.Parse));
    }

    [Fact]
    public void The_lines_are_those_that_others_read()
    {
        using (var metrics = new MetricsFile(folder.MetricsPath))
        {
            metrics.Append(StepLine.Of(RecordedRun.Step(4), 1).Fields);
            metrics.Append(TimesLine.Of(
                new ReportOrigin(RecordedRun.WorkerA, 7, 1),
                RecordedRun.Of([RecordedRun.Step(1), RecordedRun.Step(2)])).Fields);
            metrics.Append(new EpochLine(RecordedRun.Epoch(2, 8)).Fields);
            metrics.Append(DoneLine.Of(RecordedRun.Summary).Fields);
        }

        string[] expected =
        [
            """{"kind":"step","step":4,"epoch":1,"loss":0.25,"accuracy":0.125,"""
                + "\"learning_rate\":0.4}",
            """{"kind":"times","step":2,"rank":1,"worker":"000000000000000a","sequence":7,"""
                + "\"steps\":2,\"compute_ms\":1.5,\"communication_ms\":0.75,\"wait_ms\":1,"
                + "\"step_ms\":2.5,\"longest_gap_ms\":2.5,\"images_per_second\":12800}",
            """{"kind":"epoch","epoch":2,"step":8,"train_loss":0.25,"train_accuracy":0.25,"""
                + "\"test_loss\":\"NaN\",\"test_accuracy\":0.3333333333333333,\"seconds\":3}",
            """{"kind":"done","step":10,"samples":320,"test_accuracy":0.5,"test_loss":"NaN","""
                + "\"parameters_sha256\":\"abc\",\"images_per_second\":1000,\"generations\":2,"
                + "\"steps_redone\":1,\"steps_lost\":0,\"seconds\":2.5}",
        ];
        Assert.Equal(expected, File.ReadAllLines(folder.MetricsPath));
    }

    [Theory]
    [InlineData("{\"step\":1}")]
    [InlineData("{\"kind\":\"step\",\"step\":1}")]
    [InlineData("{\"kind\":\"times\",\"step\":1,\"worker\":\"no\",\"sequence\":1,\"rank\":0}")]
    [InlineData("[1]")]
    public void A_line_of_another_program_is_named(string line)
    {
        File.WriteAllText(folder.MetricsPath, "{\"kind\":\"of a later version\"}\n" + line + "\n");
        var error = Assert.Throws<OperatingException>(
            () => RunHistory.Read(folder.MetricsPath, EventHistory.Empty));
        Assert.StartsWith($"{folder.MetricsPath} line 2 ", error.Message);
    }

    private static RunLine Draw(Random random) => random.Next(4) switch
    {
        0 => new StepLine(
            random.NextInt64(), random.Next(), Number(random), Number(random), Number(random)),
        1 => new TimesLine(
            random.NextInt64(),
            new ReportOrigin((ulong)random.NextInt64() * 2, random.NextInt64(), random.Next()),
            random.Next(), Number(random), Number(random), Number(random), Number(random),
            Number(random), Number(random)),
        2 => new EpochLine(new EpochCompleted(
            random.Next(), random.NextInt64(), Number(random), Number(random), Number(random),
            Number(random), Number(random))),
        _ => new DoneLine(
            random.NextInt64(), random.NextInt64(), Number(random), Number(random),
            $"{random.NextInt64():x}", Number(random), random.Next(), random.NextInt64(),
            random.NextInt64(), Number(random)),
    };

    private static double Number(Random random) => random.Next(5) switch
    {
        0 => double.NaN,
        1 => random.Next(2) == 0 ? double.PositiveInfinity : double.NegativeInfinity,
        _ => BitConverter.Int64BitsToDouble(random.NextInt64()),
    };
}
