using System.Globalization;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>What processes need does not grow with the steps that they have done.</summary>
[Collection(ProcessCollection.Name)]
public sealed class MemoryTests(Workplace workplace, ITestOutputHelper output)
{
    private const long FirstStep = 300;
    private const long MeasuredSteps = 1000;

    /// <summary>
    /// Garbage that was not collected yet comes to less; a gradient kept at each step, or a dozen
    /// messages, to more. The pictures of an epoch are garbage of another size, and an epoch has
    /// but a few steps here: they are left out.
    /// </summary>
    private const long BytesPerStepMax = 16 * 1024;

    [Fact]
    public void AThousandStepsLeaveTheMemoryOfAllProcessesAsItWas()
    {
        using CommandRun run = workplace.StartTraining(
            Recipe.VeryLongCourseCnn, workplace.NewPath("memory"), workers: 2,
            "--set", "tensorboard=scalars");
        run.WaitForStep(FirstStep);
        Dictionary<int, long> before = run.Family().ToDictionary(id => id, OwnBytes);
        run.WaitForStep(FirstStep + MeasuredSteps);
        Dictionary<int, long> after = run.Family().ToDictionary(id => id, OwnBytes);
        run.PressControlC();
        run.Finish().Expect(130);

        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        foreach ((int process, long bytes) in after)
        {
            long grown = bytes - before[process];
            output.WriteLine($"process {process}: {bytes / 1024} KiB, grown by {grown / 1024} KiB");
            Assert.True(grown < MeasuredSteps * BytesPerStepMax, $"grown by {grown} bytes");
        }
    }

    /// <summary>Memory that is not a file's.</summary>
    private static long OwnBytes(int process) => File.ReadLines($"/proc/{process}/status")
        .Where(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)
            || line.StartsWith("RssShmem:", StringComparison.Ordinal))
        .Sum(line => 1024 * long.Parse(
            line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture));
}
