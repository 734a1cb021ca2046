using System.Globalization;
using System.Security.Cryptography;
using Distributed.Kernel;

namespace Distributed.Training.Checkpoints;

/// <summary>
/// The checkpoints of a run folder. A checkpoint is written beside its place, flushed, and renamed
/// into it, so that a name such as step-00000123 always stands for a whole checkpoint, whenever
/// the machine dies. Others may read meanwhile. One process writes as a rule; one that was thought
/// dead may wake up and finish what it wrote, which then stands beside what its successor wrote.
/// </summary>
public sealed class CheckpointStore
{
    private const string StepPrefix = "step-";
    private const string PartialPrefix = ".partial-";
    private const string ReplacedPrefix = ".replaced-";
    private const string FenceFile = ".returns";
    private const string ModelFile = "model.safetensors";
    private const string OptimizerFile = "optimizer.safetensors";

    private readonly string folder;
    private readonly int keep;
    private readonly TimeProvider clock;
    private readonly int returns;
    private readonly IDurableFiles files;

    /// <param name="runFolder">The checkpoints are in a folder of it.</param>
    /// <param name="keep">How many of the newest checkpoints stay.</param>
    /// <param name="clock">Tells when a checkpoint was made.</param>
    /// <param name="returns">Of <see cref="ReturnTo"/>, the last that the writer knows of.</param>
    public CheckpointStore(string runFolder, int keep, TimeProvider clock, int returns = 0)
        : this(runFolder, keep, clock, new DurableFiles(), returns)
    {
    }

    internal CheckpointStore(
        string runFolder, int keep, TimeProvider clock, IDurableFiles files, int returns = 0)
    {
        Invariant.Check(keep >= 1, "a run keeps one checkpoint at least");
        folder = Path.Combine(runFolder, "checkpoints");
        this.keep = keep;
        this.clock = clock;
        this.returns = returns;
        this.files = files;
    }

    /// <summary>
    /// Makes a checkpoint durable and returns its folder. Then the oldest beyond the number to
    /// keep go.
    /// </summary>
    /// <param name="content">The checkpoint.</param>
    /// <param name="stepKept">The checkpoint of that step stays in any case, and those after
    /// it.</param>
    /// <exception cref="OperatingException">
    /// It could not be written, or the run has returned to before it was begun; every earlier
    /// checkpoint is still there.
    /// </exception>
    public string Save(CheckpointContent content, long stepKept = long.MaxValue)
    {
        var name = StepPrefix + content.Step.ToString("D8", CultureInfo.InvariantCulture);
        var target = Path.Combine(folder, name);
        var partial = Path.Combine(
            folder, $"{PartialPrefix}{name}-{Path.GetRandomFileName()}");
        try
        {
            Directory.CreateDirectory(folder);
            // Of this step another may be in the making, by a worker that leaves.
            Sweep(step => step < content.Step);
            Directory.CreateDirectory(partial);
            WriteFiles(partial, content);
            RefuseVoid(content.Step);
            Publish(partial, target, Path.Combine(folder, ReplacedPrefix + name));
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException)
        {
            TryDelete(partial);
            throw NotSaved(content, target, exception);
        }
        catch (OperatingException)
        {
            TryDelete(partial);
            throw;
        }
        Prune(content.Step, stepKept);
        return target;
    }

    /// <summary>
    /// The newest checkpoint whose every byte is as its manifest says, or null when there is none.
    /// Reads only, so it may run beside the process that writes.
    /// </summary>
    /// <param name="refused">The newer ones that were passed over, newest first.</param>
    public LoadedCheckpoint? LoadNewestValid(out IReadOnlyList<RefusedCheckpoint> refused)
    {
        var passedOver = new List<RefusedCheckpoint>();
        refused = passedOver;
        foreach (var (_, path) in Stored().OrderByDescending(stored => stored.Step))
        {
            try
            {
                return Load(path);
            }
            catch (OperatingException exception)
            {
                passedOver.Add(new RefusedCheckpoint(path, exception.Message));
            }
        }
        return null;
    }

    /// <summary>The oldest checkpoint after that step, not verified; null where there is
    /// none.</summary>
    public string? OldestAfter(long step) => Stored().Where(stored => stored.Step > step)
        .OrderBy(stored => stored.Step).Select(stored => stored.Path).FirstOrDefault();

    /// <summary>The steps that have a checkpoint, oldest first; none of them is verified.</summary>
    public IReadOnlyList<long> Steps() => [.. Stored().Select(stored => stored.Step).Order()];

    /// <summary>
    /// Clears away what writers left that died. Only while nobody writes: a checkpoint in the
    /// making looks the same.
    /// </summary>
    public void SweepStale()
    {
        Sweep(_ => true);
        if (Directory.Exists(folder))
            File.Delete(Path.Combine(folder, FenceFile));
    }

    /// <summary>
    /// All checkpoints after that step are void and go; who writes one, and knows of fewer returns
    /// than these, finds it refused from now on.
    /// </summary>
    /// <exception cref="OperatingException">Something is left, or could be written.</exception>
    public void ReturnTo(long step, int count)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var fence = Path.Combine(folder, FenceFile);
            File.WriteAllText(
                fence + ".partial", count.ToString(CultureInfo.InvariantCulture));
            File.Move(fence + ".partial", fence, overwrite: true);
            files.FlushFolder(folder);
            foreach (var path in Directory.GetDirectories(folder, ReplacedPrefix + "*")
                .Where(path => StepOfRest(Path.GetFileName(path)) > step))
                Directory.Delete(path, recursive: true);
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"the checkpoints in {folder} could not be taken back to step {step}: "
                + $"{exception.Message}; make the folder writable and go on with --resume",
                inner: exception);
        }
        DropAfter(step);
        if (Stored().Any(stored => stored.Step > step))
        {
            throw new OperatingException(
                $"checkpoints after step {step} are void and could not be deleted from {folder}; "
                + "delete them and go on with --resume");
        }
    }

    /// <summary>
    /// A run that goes on after that step leaves the future that later checkpoints belong to.
    /// </summary>
    public void DropAfter(long step)
    {
        foreach (var (_, path) in Stored().Where(stored => stored.Step > step).ToList())
            TryDelete(path);
    }

    /// <summary>A writer that was thought dead does not know that the run has returned.</summary>
    private void RefuseVoid(long step)
    {
        var fence = Path.Combine(folder, FenceFile);
        if (File.Exists(fence)
            && int.Parse(File.ReadAllText(fence), CultureInfo.InvariantCulture) > returns)
        {
            throw new OperatingException(
                $"the checkpoint of step {step} is void: the run has returned to an earlier one "
                + "since it was begun");
        }
    }

    private void Sweep(Func<long, bool> isStale)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var path in Directory.GetDirectories(folder))
        {
            var name = Path.GetFileName(path);
            if (!isStale(StepOfRest(name)))
                continue;
            if (name.StartsWith(PartialPrefix, StringComparison.Ordinal))
                Directory.Delete(path, recursive: true);
            if (!name.StartsWith(ReplacedPrefix, StringComparison.Ordinal))
                continue;
            // The writer died between the two renames of a replacement, or just after them.
            var place = Path.Combine(folder, name[ReplacedPrefix.Length..]);
            if (Directory.Exists(place))
                Directory.Delete(path, recursive: true);
            else
                files.MoveFolder(path, place);
        }
    }

    private void WriteFiles(string partial, CheckpointContent content)
    {
        var manifest = new CheckpointManifest
        {
            Format = CheckpointManifest.FormatCurrent,
            Step = content.Step,
            Epoch = content.Epoch,
            Created = clock.GetUtcNow(),
            SpecificationHash = content.SpecificationHash,
            Progress = new SortedDictionary<string, double>(
                content.Progress.ToDictionary(), StringComparer.Ordinal),
            Numerics = content.Numerics,
            Files =
            [
                WriteTensors(partial, ModelFile, content.Model),
                WriteTensors(partial, OptimizerFile, content.Optimizer),
            ],
            Checksum = "",
        };
        WriteFile(partial, CheckpointManifest.FileName,
            stream => stream.Write(manifest.ToBytes()));
        files.FlushFolder(partial);
    }

    private ManifestFile WriteTensors(
        string partial, string name, IReadOnlyList<CheckpointTensor> tensors) =>
        WriteFile(partial, name, stream => SafeTensors.Write(
            stream, tensors, new Dictionary<string, string> { ["format"] = "pt" }));

    private ManifestFile WriteFile(string partial, string name, Action<Stream> write)
    {
        using var file = files.Create(Path.Combine(partial, name));
        using var hashing = new HashingStream(file);
        write(hashing);
        files.Flush(file);
        return new ManifestFile(name, hashing.Length, hashing.Sha256);
    }

    private void Publish(string partial, string target, string replaced)
    {
        var isReplacement = Directory.Exists(target);
        if (isReplacement)
            files.MoveFolder(target, replaced);
        files.MoveFolder(partial, target);
        files.FlushFolder(folder);
        if (isReplacement)
            TryDelete(replaced);
    }

    private void Prune(long newest, long stepKept)
    {
        var old = Stored().Where(stored => stored.Step <= newest)
            .OrderByDescending(stored => stored.Step).Skip(keep)
            .Where(stored => stored.Step < stepKept);
        foreach (var (_, path) in old.ToList())
            TryDelete(path);
    }

    /// <summary>
    /// What cannot be deleted costs space but no state. It is renamed first, so that no half of
    /// it stands under a checkpoint's name.
    /// </summary>
    private void TryDelete(string path)
    {
        try
        {
            if (!Directory.Exists(path))
                return;
            var name = Path.GetFileName(path);
            if (name.StartsWith(StepPrefix, StringComparison.Ordinal))
            {
                var doomed = Path.Combine(folder, PartialPrefix + name);
                files.MoveFolder(path, doomed);
                path = doomed;
            }
            Directory.Delete(path, recursive: true);
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException)
        {
            // The next save sweeps it.
        }
    }

    /// <summary>Where the run in that folder keeps its checkpoint of a step.</summary>
    public static string PathOf(string runFolder, long step) => Path.Combine(
        runFolder, "checkpoints", StepPrefix + step.ToString("D8", CultureInfo.InvariantCulture));

    /// <summary>Opens one checkpoint after checking its every byte.</summary>
    /// <exception cref="OperatingException">It is not what its manifest says.</exception>
    public static LoadedCheckpoint Load(string path)
    {
        var manifestPath = Path.Combine(path, CheckpointManifest.FileName);
        var manifest = CheckpointManifest.Read(ReadManifest(manifestPath), out var reason)
            ?? throw new OperatingException($"{manifestPath} {reason}");
        var step = StepOf(path);
        if (manifest.Step != step)
            throw new OperatingException(
                $"{manifestPath} is of step {manifest.Step}, expected step {step} by its folder");
        foreach (var name in new[] { ModelFile, OptimizerFile })
        {
            var file = manifest.Files.FirstOrDefault(file => file.Name == name)
                ?? throw new OperatingException($"{manifestPath} does not list {name}");
            Verify(Path.Combine(path, name), file);
        }
        var model = SafeTensorsFile.Open(Path.Combine(path, ModelFile));
        try
        {
            return new LoadedCheckpoint(
                path, manifest, model, SafeTensorsFile.Open(Path.Combine(path, OptimizerFile)));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static byte[] ReadManifest(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"{path} cannot be read: {exception.Message}", inner: exception);
        }
    }

    private static void Verify(string path, ManifestFile expected)
    {
        try
        {
            using var stream = File.OpenRead(path);
            if (stream.Length != expected.Bytes)
                throw new OperatingException(
                    $"{path} has {stream.Length} bytes, expected {expected.Bytes} by its manifest");
            var sha256 = Convert.ToHexStringLower(SHA256.HashData(stream));
            if (sha256 != expected.Sha256)
                throw new OperatingException(
                    $"{path} has SHA-256 {sha256}, expected {expected.Sha256} by its manifest");
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"{path} cannot be read: {exception.Message}", inner: exception);
        }
    }

    private IEnumerable<(long Step, string Path)> Stored() =>
        Directory.Exists(folder)
            ? Directory.GetDirectories(folder)
                .Select(path => (Step: StepOf(path), Path: path))
                .Where(stored => stored.Step >= 0)
            : [];

    private static long StepOf(string path)
    {
        var name = Path.GetFileName(path);
        return name.StartsWith(StepPrefix, StringComparison.Ordinal)
            && long.TryParse(
                name.AsSpan(StepPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture,
                out var step)
            ? step
            : -1;
    }

    /// <summary>The step in the name of something partial or replaced; -1 of others.</summary>
    private static long StepOfRest(string name)
    {
        var parts = name.Split('-');
        return parts.Length >= 3 && long.TryParse(
            parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            ? step
            : -1;
    }

    private OperatingException NotSaved(
        CheckpointContent content, string target, Exception exception)
    {
        var bytes = SafeTensors.FileLength(content.Model, null)
            + SafeTensors.FileLength(content.Optimizer, null);
        var last = Stored().Select(stored => stored.Step).Where(step => step != content.Step)
            .DefaultIfEmpty(-1).Max();
        var stays = last < 0
            ? "there is no earlier checkpoint"
            : $"the last good one, of step {last}, stays";
        var isFull = DiskErrors.IsFull(exception);
        var reason = DiskErrors.Reason(exception);
        var advice = isFull ? "free space there" : "make the folder writable";
        return new OperatingException(
            $"the checkpoint of step {content.Step} could not be written to {target} "
            + $"({bytes} bytes needed): {reason}; {stays}; {advice} and go on with --resume",
            inner: exception);
    }
}
