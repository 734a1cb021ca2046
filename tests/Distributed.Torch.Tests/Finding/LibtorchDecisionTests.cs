using Distributed.Torch.Finding;

namespace Distributed.Torch.Tests.Finding;

/// <summary>
/// Goal: which libtorch is used follows one order for every machine, and is always explained.
/// Method: all combinations of what a machine may have, against the order written as a list.
/// </summary>
public sealed class LibtorchDecisionTests
{
    private enum Named
    {
        Not,
        Usable,
        Unusable,
    }

    private enum Wheel
    {
        Absent,
        WithoutHeaders,
        WithoutCuda,
        WithCuda,
    }

    private sealed record Machine(
        Named Variable, Named Setting, Wheel Wheel, bool HasDistribution, bool HasGpu);

    [Fact]
    public void EveryMachineGetsTheFirstOfTheOrderThatItHas()
    {
        var count = 0;
        foreach (var machine in Machines())
        {
            count++;
            var decision = LibtorchDecision.Of(SituationOf(machine, out _));
            var expected = Expected(machine);
            Assert.True(
                decision.Libtorch?.Folder == expected,
                $"{machine}: expected {expected ?? "none"}, got {decision}");
            Assert.NotEqual("", decision.Reason);
            Assert.Equal(
                expected is null && machine is { Variable: Named.Not, Setting: Named.Not },
                decision.IsNoneThere);
        }
        Assert.Equal(3 * 3 * 4 * 2 * 2, count);
    }

    [Fact]
    public void PythonIsStartedOnlyWhereItsPyTorchCouldBeTaken()
    {
        foreach (var machine in Machines())
        {
            _ = LibtorchDecision.Of(SituationOf(machine, out var timesAsked));
            var couldBeTaken = machine is { Variable: Named.Not, Setting: Named.Not }
                && (machine.HasGpu || !machine.HasDistribution);
            Assert.True((couldBeTaken ? 1 : 0) == timesAsked(), $"{machine}");
        }
    }

    [Fact]
    public void WhatWasNamedAndIsNoneIsSaidAndNotPassedOver()
    {
        var machine = new Machine(Named.Unusable, Named.Usable, Wheel.WithCuda, true, true);
        var decision = LibtorchDecision.Of(SituationOf(machine, out _));
        Assert.Null(decision.Libtorch);
        Assert.Equal(
            "LIBTORCH names /variable as libtorch, but it has no include/ATen/ATen.h: expected a "
            + "folder with include/ and lib/, such as the torch folder of a PyTorch wheel; mend or "
            + "remove LIBTORCH",
            decision.Reason);
        decision = LibtorchDecision.Of(
            SituationOf(machine with { Variable = Named.Not, Setting = Named.Unusable }, out _));
        Assert.Contains("torch.folder names /setting", decision.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "apt-get install libtorch-dev")]
    [InlineData(true, "python3 -m pip install torch")]
    public void WhereThereIsNoneItSaysWhatToInstall(bool hasGpu, string command)
    {
        var machine = new Machine(Named.Not, Named.Not, Wheel.Absent, false, hasGpu);
        var decision = LibtorchDecision.Of(SituationOf(machine, out _));
        Assert.Contains($"`{command}", decision.Reason, StringComparison.Ordinal);
        foreach (var word in new[] { "knows no torch", "libtorch-dev", "LIBTORCH", "torch.folder" })
            Assert.Contains(word, decision.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Absent", "knows no torch; `python3 -m pip install torch`")]
    [InlineData("WithoutHeaders", "no include/ATen/ATen.h; `python3 -m pip install torch`")]
    [InlineData("WithoutCuda", "the PyTorch in /wheel has no CUDA either")]
    public void AGpuThatIsLeftUnusedHasItsReason(string wheel, string words)
    {
        var machine = new Machine(
            Named.Not, Named.Not, Enum.Parse<Wheel>(wheel), HasDistribution: true, HasGpu: true);
        Assert.Contains(
            words, LibtorchDecision.Of(SituationOf(machine, out _)).Reason,
            StringComparison.Ordinal);
    }

    private static IEnumerable<Machine> Machines() =>
        from variable in Enum.GetValues<Named>()
        from setting in Enum.GetValues<Named>()
        from wheel in Enum.GetValues<Wheel>()
        from hasDistribution in new[] { false, true }
        from hasGpu in new[] { false, true }
        select new Machine(variable, setting, wheel, hasDistribution, hasGpu);

    private static string? Expected(Machine machine)
    {
        (bool Applies, string? Folder)[] order =
        [
            (machine.Variable == Named.Usable, "/variable"),
            (machine.Variable == Named.Unusable, null),
            (machine.Setting == Named.Usable, "/setting"),
            (machine.Setting == Named.Unusable, null),
            (machine.Wheel == Wheel.WithCuda && (machine.HasGpu || !machine.HasDistribution),
                "/wheel"),
            (machine.HasDistribution, "/distribution"),
            (machine.Wheel is Wheel.WithoutCuda, "/wheel"),
            (true, null),
        ];
        return order.First(line => line.Applies).Folder;
    }

    private static LibtorchSituation SituationOf(Machine machine, out Func<int> timesAsked)
    {
        var asked = 0;
        timesAsked = () => asked;
        return new(
            CandidateOf(machine.Variable, "/variable"), CandidateOf(machine.Setting, "/setting"),
            machine.HasDistribution
                ? Installation("/distribution", null) with { IsDistribution = true }
                : null,
            machine.HasGpu,
            () =>
            {
                asked++;
                return machine.Wheel switch
                {
                    Wheel.Absent => new("python3", null, "python3 knows no torch"),
                    Wheel.WithoutHeaders => new("/wheel", null, "it has no include/ATen/ATen.h"),
                    Wheel.WithoutCuda => new("/wheel", Installation("/wheel", null)),
                    _ => new("/wheel", Installation("/wheel", "13.0")),
                };
            });
    }

    private static LibtorchCandidate? CandidateOf(Named named, string folder) => named switch
    {
        Named.Not => null,
        Named.Usable => new(folder, Installation(folder, null)),
        _ => new(folder, null, "it has no include/ATen/ATen.h"),
    };

    private static LibtorchInstallation Installation(string folder, string? cuda) =>
        new(folder, "2.6.0", cuda, $"{folder}/lib/libtorch_cpu.so");
}
