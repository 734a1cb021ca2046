using System.Text;

namespace Distributed.Training.Specification;

/// <summary>
/// What run.yaml holds: the full spec, the program's commit and the numerics fingerprint. It can
/// be given as a spec to a new run, which ignores the last two.
/// </summary>
public sealed record RunRecord(RunSpec Spec, string? Commit, NumericsFingerprint? Numerics)
{
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
}
