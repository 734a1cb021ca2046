using System.Diagnostics;
using Distributed.Kernel;
using Distributed.Training.Checkpoints;
using Distributed.Training.Specification;

namespace Distributed.Training.Tests.Checkpoints;

/// <summary>
/// Goal: whatever happens to the disk or the process, a run goes on from a whole checkpoint and
/// is told which ones it passed over. Method: real files, a process that dies or a disk that
/// fills at every single operation, and damage to every file of a checkpoint.
/// </summary>
public sealed class CheckpointStoreTests : IDisposable
{
    private const int NoSpaceLeft = 28;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private CheckpointStore Store(int keep = 3) => new(folder.Path, keep, TimeProvider.System);

    private CheckpointStore Store(IDurableFiles files, int keep = 3) =>
        new(folder.Path, keep, TimeProvider.System, files);

    private static CheckpointContent Content(long step, float value = 0, int elements = 100) =>
        new()
        {
            Step = step,
            Epoch = 2,
            Model =
            [
                CheckpointTensor.Float32(
                    "fc.weight", [elements], Enumerable.Repeat(value + step, elements).ToArray()),
            ],
            Optimizer = [CheckpointTensor.Float32("optimizer.m.fc.weight", [1], new float[1])],
            Progress = new Dictionary<string, double>
            {
                ["epochLossSum"] = 0.1 + 0.2,
                ["worst"] = double.NaN,
                ["samples"] = 1e15 + 1,
            },
            SpecificationHash = "abc",
            Numerics = new NumericsFingerprint(
                2, "1.13", "HASWELL", "AVX2", "avx2", "cpu", "fp32", 1, 64, 4, 16, "exact"),
        };

    private static float ValueOf(LoadedCheckpoint checkpoint)
    {
        var values = new float[checkpoint.Model.Tensors[0].Length];
        checkpoint.Model.ReadFloat32("fc.weight", values);
        return values[0];
    }

    private long? NewestStep()
    {
        using var loaded = Store().LoadNewestValid(out _);
        return loaded?.Manifest.Step;
    }

    [Fact]
    public void What_was_saved_comes_back()
    {
        var path = Store().Save(Content(123));
        Assert.Equal(folder["checkpoints/step-00000123"], path);
        Assert.Equal(
            ["manifest.json", "model.safetensors", "optimizer.safetensors"],
            Directory.GetFiles(path).Select(Path.GetFileName).Order());
        using var loaded = Store().LoadNewestValid(out var refused);
        Assert.Empty(refused);
        Assert.Equal(path, loaded!.Path);
        Assert.Equal(123, ValueOf(loaded));
        Assert.Equal(2, loaded.Manifest.Epoch);
        Assert.Equal("abc", loaded.Manifest.SpecificationHash);
        Assert.Equal(Content(1).Numerics, loaded.Manifest.Numerics);
        Assert.Equal(0.1 + 0.2, loaded.Manifest.Progress["epochLossSum"]);
        Assert.Equal(1e15 + 1, loaded.Manifest.Progress["samples"]);
        Assert.True(double.IsNaN(loaded.Manifest.Progress["worst"]));
        Assert.True(loaded.Optimizer.Contains("optimizer.m.fc.weight"));
    }

    [Fact]
    public void A_run_without_checkpoints_has_none()
    {
        Assert.Null(Store().LoadNewestValid(out var refused));
        Assert.Empty(refused);
        Assert.Empty(Store().Steps());
    }

    [Fact]
    public void The_newest_are_kept()
    {
        foreach (var step in new long[] { 10, 20, 30, 40, 100_000_000 })
            Store().Save(Content(step));
        Assert.Equal([30, 40, 100_000_000], Store().Steps());
        Store(keep: 1).Save(Content(100_000_001));
        Assert.Equal([100_000_001], Store().Steps());
    }

    [Fact]
    public void The_one_that_counts_stays_until_another_does()
    {
        foreach (var step in new long[] { 10, 20, 30, 40 })
            Store(keep: 1).Save(Content(step), stepKept: 10);
        Assert.Equal([10, 20, 30, 40], Store().Steps());
        Assert.Equal(folder["checkpoints/step-00000020"], Store().OldestAfter(10));
        Store(keep: 2).Save(Content(50), stepKept: 30);
        Assert.Equal([30, 40, 50], Store().Steps());
        Assert.Null(Store().OldestAfter(50));
    }

    /// <summary>Whoever began one before the run returned finds it refused.</summary>
    [Fact]
    public void A_run_that_returns_takes_no_void_checkpoint_any_more()
    {
        foreach (var step in new long[] { 10, 20, 30 })
            Store().Save(Content(step));
        for (var time = 0; time < 2; time++)
        {
            Store().ReturnTo(10, 1);
            Assert.Equal([10], Store().Steps());
        }
        Assert.Contains(
            "is void", Assert.Throws<OperatingException>(() => Store().Save(Content(20))).Message,
            StringComparison.Ordinal);
        Assert.Equal([10], Store().Steps());
        Assert.Single(Directory.GetDirectories(folder["checkpoints"]));
        new CheckpointStore(folder.Path, 3, TimeProvider.System, returns: 1).Save(Content(20));
        Assert.Equal([10, 20], Store().Steps());
        // A run that is resumed begins to count anew.
        Store().SweepStale();
        Store().Save(Content(30));
        Assert.Equal([10, 20, 30], Store().Steps());
    }

    [Fact]
    public void A_run_that_goes_on_earlier_leaves_the_future_of_later_ones()
    {
        foreach (var step in new long[] { 10, 20, 30 })
            Store().Save(Content(step));
        Store().DropAfter(20);
        Assert.Equal([10, 20], Store().Steps());
        Store().DropAfter(0);
        Assert.Empty(Store().Steps());
    }

    /// <summary>
    /// A worker that stood still amid a save, at any point of it, and was taken for dead, wakes up
    /// and goes on with it.
    /// </summary>
    [Theory]
    [InlineData(20)]
    [InlineData(30)]
    public void A_writer_that_wakes_up_late_takes_nothing_from_its_successor(long lateStep)
    {
        Store().Save(Content(10));
        for (var operation = 0; ; operation++)
        {
            Store().DropAfter(10);
            var sleeper = new SleepingFiles(operation, () =>
            {
                Store().Save(Content(20));
                Store().Save(Content(30));
            });
            try
            {
                Store(sleeper).Save(Content(lateStep));
            }
            catch (OperatingException)
            {
                // What it had written was cleared away: nobody needs it any more.
            }
            if (!sleeper.HasSlept)
                break;
            Assert.Equal([10, 20, 30], Store().Steps());
            using var newest = Store().LoadNewestValid(out var refused);
            Assert.Equal(30, newest!.Manifest.Step);
            Assert.Empty(refused);
        }
        Assert.Equal([10, lateStep], Store().Steps());
    }

    [Fact]
    public void Saving_a_step_again_replaces_it()
    {
        Store().Save(Content(5, value: 0));
        Store().Save(Content(5, value: 0.5f));
        using var loaded = Store().LoadNewestValid(out _);
        Assert.Equal(5.5f, ValueOf(loaded!));
        Assert.Single(Directory.GetDirectories(folder["checkpoints"]));
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("optimizer.safetensors")]
    [InlineData("manifest.json")]
    public void A_flipped_bit_anywhere_makes_the_run_fall_back(string name)
    {
        Store().Save(Content(1));
        var path = Path.Combine(Store().Save(Content(2, elements: 4)), name);
        var bytes = File.ReadAllBytes(path);
        for (var index = 0; index < bytes.Length; index += (bytes.Length / 50) + 1)
        {
            bytes[index] ^= 1;
            File.WriteAllBytes(path, bytes);
            bytes[index] ^= 1;
            using var loaded = Store().LoadNewestValid(out var refused);
            Assert.Equal(1, loaded!.Manifest.Step);
            var passedOver = Assert.Single(refused);
            Assert.Equal(folder["checkpoints/step-00000002"], passedOver.Path);
            Assert.Contains(name, passedOver.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_flipped_bit_in_any_byte_of_a_manifest_is_found()
    {
        var path = Path.Combine(Store().Save(Content(1)), CheckpointManifest.FileName);
        var bytes = File.ReadAllBytes(path);
        Assert.NotNull(CheckpointManifest.Read(bytes, out _));
        for (var index = 0; index < bytes.Length; index++)
        {
            bytes[index] ^= 1;
            Assert.Null(CheckpointManifest.Read(bytes, out var reason));
            Assert.NotEmpty(reason);
            bytes[index] ^= 1;
        }
    }

    [Fact]
    public void Missing_and_misplaced_files_make_the_run_fall_back()
    {
        Store(keep: 9).Save(Content(1));
        File.Delete(Path.Combine(Store(keep: 9).Save(Content(2)), "model.safetensors"));
        File.Delete(Path.Combine(Store(keep: 9).Save(Content(3)), "manifest.json"));
        var four = Store(keep: 9).Save(Content(4));
        Directory.Move(four, folder["checkpoints/step-00000005"]);
        using var loaded = Store().LoadNewestValid(out var refused);
        Assert.Equal(1, loaded!.Manifest.Step);
        Assert.Equal(3, refused.Count);
        Assert.Contains("is of step 4, expected step 5", refused[0].Reason,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_that_dies_at_any_operation_leaves_a_whole_checkpoint()
    {
        Store(keep: 1).Save(Content(1));
        var operation = 0;
        for (var died = true; died; operation++)
        {
            var before = NewestStep();
            try
            {
                Store(new FaultyFiles(operation, () => new ProcessDiedException()), keep: 1)
                    .Save(Content(2 + operation));
                died = false;
            }
            catch (ProcessDiedException)
            {
                Assert.Contains(NewestStep(), new long?[] { before, 2 + operation });
            }
        }
        Assert.True(operation > 10);
        Assert.Equal(1 + operation, NewestStep());
        Assert.Single(Directory.GetDirectories(folder["checkpoints"]));
    }

    [Fact]
    public void A_process_that_dies_while_replacing_leaves_one_of_the_two()
    {
        Store().Save(Content(7));
        for (var operation = 0; operation < 40; operation++)
        {
            try
            {
                Store(new FaultyFiles(operation, () => new ProcessDiedException()))
                    .Save(Content(7, value: operation));
            }
            catch (ProcessDiedException)
            {
                // The writer that follows mends what the dead one left.
                Store().SweepStale();
                Assert.Equal(7, NewestStep());
            }
        }
        Assert.Single(Directory.GetDirectories(folder["checkpoints"]));
    }

    [Fact]
    public void A_disk_that_is_full_at_any_operation_costs_no_earlier_checkpoint()
    {
        Store().Save(Content(1));
        var failures = 0;
        for (var operation = 0; operation < 13; operation++)
        {
            var files = new FaultyFiles(
                operation, () => new IOException("No space left on device", NoSpaceLeft));
            try
            {
                Store(files).Save(Content(2));
            }
            catch (OperatingException exception)
            {
                failures++;
                Assert.StartsWith(
                    $"the checkpoint of step 2 could not be written to "
                        + $"{folder["checkpoints/step-00000002"]} (",
                    exception.Message, StringComparison.Ordinal);
                Assert.EndsWith(
                    "bytes needed): the disk is full; the last good one, of step 1, stays; free "
                        + "space there and go on with --resume",
                    exception.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', exception.Message);
                Assert.Contains(1L, Store().Steps());
                Assert.Empty(Directory.GetDirectories(folder["checkpoints"], ".partial*"));
            }
        }
        Assert.True(failures >= 12);
    }

    [Fact]
    public void A_small_disk_really_fills()
    {
        var disk = Directory.CreateDirectory(folder["disk"]).FullName;
        if (!Run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk))
            return;
        try
        {
            var store = new CheckpointStore(disk, 3, TimeProvider.System);
            store.Save(Content(1, elements: 10_000));
            var exception = Assert.Throws<OperatingException>(
                () => store.Save(Content(2, elements: 100_000)));
            Assert.Contains("the disk is full; the last good one, of step 1, stays",
                exception.Message, StringComparison.Ordinal);
            using (var loaded = store.LoadNewestValid(out _))
                Assert.Equal(1, loaded!.Manifest.Step);
            store.Save(Content(3, elements: 10_000));
            Assert.Equal([1, 3], store.Steps());
        }
        finally
        {
            Assert.True(Run("umount", disk));
        }
    }

    private static bool Run(string program, params string[] arguments)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
            return false;
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        using var process = Process.Start(start)!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
