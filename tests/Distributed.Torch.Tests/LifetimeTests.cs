using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Distributed.Torch.Tests;

/// <summary>Goal: nothing native leaks, and nothing native is used after it was freed.</summary>
public sealed class LifetimeTests
{
    private const long Megabyte = 1 << 20;

    /// <summary>1,000 steps leave handles and memory where 100 steps left them.</summary>
    [Fact]
    public void AThousandStepsLeaveMemoryWhereAHundredLeftIt()
    {
        using var bench = new Bench(Networks.NormAndDropout, samples: 16, bucketBytes: 1);
        using var momentum = NativeBuffer.Of(ElementType.Float32, bench.Model.ParameterLength);
        var settings = new OptimizerSettings(OptimizerKind.Sgd, 0.9, false, 0, 0, 0, 0);
        NativeBuffer[] state = [momentum];
        Steps(1, 100);
        var (handles, memory) = (TorchLibrary.LiveHandles, ResidentBytes());
        Steps(101, 1000);
        Assert.Equal(handles, TorchLibrary.LiveHandles);
        Assert.InRange(ResidentBytes(), 0, memory + 6 * Megabyte);

        void Steps(int first, int last)
        {
            for (var step = first; step <= last; step++)
            {
                bench.Step(dropoutSeed: (ulong)step, bucketReady: _ => { });
                bench.Model.UpdateStatistics(bench.Gradients);
                TorchOptimizer.Step(settings, 1e-3, step, bench.Parameters, bench.Gradients, state,
                    bench.Model.ParameterLength);
                bench.Model.Evaluate(bench.Images, bench.Labels, []);
            }
        }
    }

    /// <summary>
    /// A failed creation or a failed call leaves no handle and little memory behind.
    /// </summary>
    [Fact]
    public void FailuresLeaveNothingBehind()
    {
        using var bench = new Bench(Networks.Course);
        bench.Labels[0] = 99;
        Fail(50);
        var (handles, memory) = (TorchLibrary.LiveHandles, ResidentBytes());
        Fail(500);
        Assert.Equal(handles, TorchLibrary.LiveHandles);
        Assert.InRange(ResidentBytes(), 0, memory + 6 * Megabyte);

        void Fail(int times)
        {
            for (var i = 0; i < times; i++)
            {
                Assert.Throws<TorchException>(() => TorchModel.Create("input channels=1"));
                Assert.Throws<TorchException>(() => bench.Step());
            }
        }
    }

    [Fact]
    public void DisposedThingsRefuseToBeUsed()
    {
        var before = TorchLibrary.LiveHandles;
        var bench = new Bench(Networks.Course);
        Assert.Equal(before + 4, TorchLibrary.LiveHandles);
        bench.Dispose();
        bench.Model.Dispose();
        Assert.Equal(before, TorchLibrary.LiveHandles);
        Assert.Throws<ObjectDisposedException>(() => bench.Step());
        Assert.Throws<ObjectDisposedException>(
            () => bench.Model.Evaluate(bench.Images, bench.Labels, []));
        Assert.Throws<ObjectDisposedException>(() => bench.Parameters.AsSpan<float>());
        using var other = new Bench(Networks.Course);
        Assert.Throws<ObjectDisposedException>(() => other.Model.ForwardBackward(
            other.Images, other.Labels, 0, 1, 1, bench.Gradients, null));
    }

    /// <summary>
    /// Disposing a bound buffer early is harmless: the model still holds its memory.
    /// </summary>
    [Fact]
    public void AModelKeepsItsBuffersAlive()
    {
        var before = TorchLibrary.LiveHandles;
        using (var bench = new Bench(Networks.Course))
        {
            var expected = bench.Step();
            bench.Parameters.Dispose();
            bench.Statistics.Dispose();
            Assert.Equal(before + 4, TorchLibrary.LiveHandles);
            Assert.Equal(expected, bench.Step());
        }
        Assert.Equal(before, TorchLibrary.LiveHandles);
    }

    /// <summary>What nobody disposed is freed by the garbage collector.</summary>
    [Fact]
    public void ForgottenModelsAreCollected()
    {
        var before = TorchLibrary.LiveHandles;
        Forget();
        for (var i = 0; i < 50 && TorchLibrary.LiveHandles != before; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal(before, TorchLibrary.LiveHandles);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget() => new Bench(Networks.Course).Step();
    }

    [Fact]
    public void BuffersAreZeroedAndAligned()
    {
        foreach (var bytes in new[] { 0, 1, 63, 64, 65, 100_000 })
        {
            using var buffer = new NativeBuffer(bytes);
            Assert.Equal(bytes, buffer.AsSpan<byte>().Length);
            Assert.Equal(0, Address(buffer) % 64);
            Assert.Equal(-1, buffer.AsSpan<byte>().IndexOfAnyExcept((byte)0));
            Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan<byte>(1, bytes));
        }

        static unsafe long Address(NativeBuffer buffer) => (long)buffer.Pointer;
    }

    // Other tests leave much managed garbage, whose memory must not come into it.
    private static long ResidentBytes()
    {
        GC.Collect(
            GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
