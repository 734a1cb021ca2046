using Distributed.Kernel;
using Distributed.Torch.Building;

namespace Distributed.Torch.Tests.Building;

/// <summary>
/// Goal: an engine is built once for each key, whoever asks at the same time, and what is kept is
/// whole. The build is a stand-in.
/// </summary>
public sealed class EngineCacheTests : IDisposable
{
    private static readonly EngineKey s_key = new("1.13.1-cpu-01234567", "89abcdef");

    private readonly TemporaryFolder _folder = new();
    private int _builds;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatWasBuiltIsKeptAndGoingBackToItCostsNothing()
    {
        var first = Ask(s_key);
        var other = Ask(s_key with { Libtorch = "2.6.0-cuda12.4-01234567" });
        Assert.NotEqual(first, other);
        Assert.Equal(first, Ask(s_key));
        Assert.Equal(2, _builds);
        Assert.Equal(_folder[$"native/{s_key}/libdistributed_torch.so"], first);
    }

    [Fact]
    public void FirstUsesAtTheSameTimeBuildOnce()
    {
        using var waiting = new CountdownEvent(3);
        using var start = new Barrier(4);
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            start.SignalAndWait();
            // As another process would: a cache of its own on the same folder.
            new EngineCache(_folder["native"]).FindOrBuild(
                s_key,
                work =>
                {
                    // The others have come and wait.
                    waiting.Wait();
                    return Build(work);
                },
                () => waiting.Signal());
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.Equal(1, _builds);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ADamagedOneIsBuiltAgain(bool isRemoved)
    {
        var library = Ask(s_key);
        if (isRemoved)
            File.Delete(library);
        else
            File.WriteAllText(library, "half of it");
        Assert.Null(new EngineCache(_folder["native"]).Find(s_key));
        Assert.Equal(library, Ask(s_key));
        Assert.Equal(2, _builds);
        Assert.Equal("engine 2", File.ReadAllText(library));
    }

    [Fact]
    public void ABuildThatFailsLeavesNothingAndFreesTheLock()
    {
        var cache = new EngineCache(_folder["native"]);
        Assert.Throws<OperatingException>(() => cache.FindOrBuild(
            s_key, _ => throw new OperatingException("no compiler"), () => { }));
        Assert.Null(cache.Find(s_key));
        Ask(s_key);
        Assert.Equal(1, _builds);
    }

    [Fact]
    public void AnInterruptedOneIsNoObstacle()
    {
        _folder.Write($"native/{s_key}.fresh/libdistributed_torch.so", "half of it");
        _folder.Write($"native/{s_key}/libdistributed_torch.so", "without its sum");
        Assert.Equal("engine 1", File.ReadAllText(Ask(s_key)));
    }

    [Fact]
    public void OfManyStatesOfTheSourceTheNewestFewStay()
    {
        var other = Ask(s_key with { Libtorch = "2.6.0-cpu-01234567" });
        string[] libraries =
        [
            .. Enumerable.Range(0, 6).Select(state =>
            {
                var library = Ask(s_key with { Source = $"{state:x8}" });
                Directory.SetLastWriteTimeUtc(
                    Path.GetDirectoryName(library)!, DateTime.UnixEpoch.AddDays(state));
                return library;
            }),
        ];
        Assert.Equal(
            [false, false, true, true, true, true], libraries.Select(File.Exists));
        Assert.True(File.Exists(other), "another libtorch's engines are none of its business");
    }

    [Fact]
    public void AFolderThatCannotBeWrittenIsNamed()
    {
        var failure = Assert.Throws<OperatingException>(() =>
            new EngineCache("/proc/native").FindOrBuild(s_key, Build, () => { }));
        Assert.Contains("/proc/native", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, _builds);
    }

    private string Ask(EngineKey key) =>
        new EngineCache(_folder["native"]).FindOrBuild(key, Build, () => { });

    private string Build(string work)
    {
        var library = Path.Combine(work, "built.so");
        File.WriteAllText(library, $"engine {Interlocked.Increment(ref _builds)}");
        return library;
    }
}
