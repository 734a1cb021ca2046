using System.Text;
using Distributed.Kernel;
using Distributed.Training.Checkpoints;

namespace Distributed.Training.Specification;

/// <summary>
/// What run.yaml holds: the full spec, the program's commit and the numerics fingerprint. It can
/// be given as a spec to a new run, which ignores the last two.
/// </summary>
public sealed record RunRecord(RunSpec Spec, string? Commit, NumericsFingerprint? Numerics)
{
    /// <summary>The record's name in its run's folder.</summary>
    public const string FileName = "run.yaml";

    internal const string CommitKey = "commit";
    internal const string NumericsKey = "numerics";

    public string ToYaml()
    {
        var text = new StringBuilder(Spec.ToYaml());
        text.Append(CommitKey).Append(": ")
            .Append(Commit is null ? "null" : SpecWords.Quote(Commit)).Append('\n');
        if (Numerics is null)
            return text.Append(NumericsKey).Append(": null\n").ToString();
        text.Append(NumericsKey).Append(":\n");
        foreach (var (key, value) in Numerics.Fields())
            text.Append("  ").Append(key).Append(": ").Append(SpecWords.Quote(value)).Append('\n');
        return text.ToString();
    }

    /// <summary>
    /// Puts the record into its run's folder, at once or not at all; one that says the same already
    /// is left as it is. On return it is on the disk, and so are the names of all files in the
    /// folder.
    /// </summary>
    /// <exception cref="OperatingException">The folder cannot be written.</exception>
    public void Save(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            if (!File.Exists(path) || File.ReadAllText(path) != ToYaml())
                Replace(path);
            new DurableFiles().FlushFolder(folder);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"{path} cannot be written ({DiskErrors.Reason(failure)}): expected a folder of "
                + "yours with room in it; give another --out, free the disk, or change its "
                + "permissions",
                inner: failure);
        }
    }

    /// <summary>The record in a run's folder.</summary>
    /// <exception cref="SpecificationException">The file is no run's record.</exception>
    public static RunRecord Load(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return Read(File.ReadAllText(path), path);
    }

    /// <exception cref="SpecificationException">The text is no run's record.</exception>
    public static RunRecord Read(string yaml, string origin)
    {
        var spec = RunSpecReader.Read(yaml, origin);
        var errors = new SpecErrors();
        var root = SpecYaml.Parse(yaml, (line, column) => $"{origin}:{line}:{column}", errors);
        errors.ThrowIfAny();
        var map = new SpecMap(root!, "", errors);
        var commit = map.Text(CommitKey);
        NumericsFingerprint? numerics = null;
        if (map.Take(NumericsKey) is { } node)
        {
            var fields = node.Entries
                .Where(entry => entry.Value.Kind == SpecNodeKind.Scalar)
                .ToDictionary(entry => entry.Key, entry => entry.Value.Text);
            numerics = NumericsFingerprint.FromFields(fields);
            if (numerics is null)
                map.Refuse(NumericsKey, "incomplete; expected every field of the fingerprint");
        }
        errors.ThrowIfAny();
        return new RunRecord(spec, commit, numerics);
    }

    private void Replace(string path)
    {
        var partial = path + ".partial";
        using (var file = new FileStream(partial, FileMode.Create, FileAccess.Write))
        {
            file.Write(Encoding.UTF8.GetBytes(ToYaml()));
            file.Flush(flushToDisk: true);
        }
        File.Move(partial, path, overwrite: true);
    }
}
