using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>
/// `deploy/gpu-check` as it runs beside a GPU, on the processor with tiny sizes: its stages, what
/// it keeps of them, and what becomes of those that fail or have no time left.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class GpuCheckTests(Workplace workplace)
{
    private static readonly string Script = Path.Combine(Repository.Root, "deploy", "gpu-check");

    [Fact]
    public void A_killed_worker_and_more_workers_change_no_bit()
    {
        (CommandResult result, JsonElement kept) = Check(
            "--device", "cpu", "--precision", "fp32", "--stages", "same-bits,kill");

        JsonElement bits = Stage(result.Expect(0), kept, "same-bits", "ok");
        Assert.Equal(
            [1, 2, 4],
            bits.GetProperty("runs").EnumerateArray()
                .Select(run => run.GetProperty("workers").GetInt32()));
        Assert.Single(bits.GetProperty("runs").EnumerateArray()
            .Select(run => run.GetProperty("parameters_sha256").GetString()).Distinct());
        JsonElement kill = Stage(result, kept, "kill", "ok");
        Assert.True(kill.GetProperty("equal").GetBoolean());
        Assert.Equal(0, kill.GetProperty("steps_lost").GetInt32());
        Assert.InRange(kill.GetProperty("generations").GetInt32(), 2, 9);
        Assert.Contains(result.Output, line => line.StartsWith("kill", StringComparison.Ordinal));
    }

    /// <summary>There is no such GPU, so that each stage fails by itself.</summary>
    [Fact]
    public void A_stage_that_fails_is_kept_with_its_message_and_the_next_is_run()
    {
        (CommandResult result, JsonElement kept) = Check(
            "--device", "cuda:77", "--stages", "engine,kill");

        result.Expect(1);
        Assert.False(kept.GetProperty("ok").GetBoolean());
        foreach (string name in new[] { "engine", "kill" })
        {
            Assert.Contains(
                "exit code",
                Stage(result, kept, name, "failed").GetProperty("message").GetString());
        }
    }

    [Fact]
    public void A_stage_without_time_is_left_out_and_says_why()
    {
        (CommandResult result, JsonElement kept) = Check(
            "--device", "cpu", "--stages", "engine,kill", "--budget", "2");

        result.Expect(0);
        foreach (string name in new[] { "engine", "kill" })
        {
            Assert.Contains(
                "of the budget were left",
                Stage(result, kept, name, "skipped").GetProperty("message").GetString());
        }
    }

    [Fact]
    public void A_damaged_part_is_refused()
    {
        string part = Path.Combine(
            Directory.CreateDirectory(workplace.NewPath("parts")).FullName,
            "data.1-of-2.0123456789abcdef.part");
        File.WriteAllText(part, "damaged");

        string error = Run("receive", part, "--to", workplace.NewPath("received"))
            .Expect(1).OnlyError();

        Assert.Contains("expected 0123456789abcdef", error);
    }

    private (CommandResult Result, JsonElement Kept) Check(params string[] options)
    {
        string folder = workplace.NewPath("gpu-check");
        CommandResult result = Run(
            ["run", "--quick", "--program", Repository.ProgramFolder, "--out", folder, .. options]);
        return (result, JsonDocument.Parse(
            File.ReadAllText(Path.Combine(folder, "gpu-check.json"))).RootElement);
    }

    private CommandResult Run(params string[] arguments)
    {
        using CommandRun run = CommandRun.Start(workplace, [Script, .. arguments], "/usr/bin/env");
        return run.Finish();
    }

    private static JsonElement Stage(
        CommandResult result, JsonElement kept, string name, string status)
    {
        JsonElement stage = kept.GetProperty("stages").GetProperty(name);
        Assert.True(status == stage.GetProperty("status").GetString(), result.Story);
        return stage;
    }
}
