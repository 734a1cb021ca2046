using System.Runtime.InteropServices;
using System.Text;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Recording;

/// <summary>Where a run comes from, as a table in Markdown.</summary>
internal static class RunEnvironment
{
    public static string Describe(RunRecord record)
    {
        var text = new StringBuilder("| | |\n|---|---|\n");
        void Row(string name, string value) => text.Append("| ")
            .Append(MarkdownCell.Of(name)).Append(" | ").Append(MarkdownCell.Of(value))
            .Append(" |\n");
        Row("commit", record.Commit ?? "unknown");
        Row("recorded on", Environment.MachineName);
        Row("operating system", RuntimeInformation.OSDescription);
        Row("architecture", RuntimeInformation.OSArchitecture.ToString());
        Row(".NET", RuntimeInformation.FrameworkDescription);
        foreach ((string name, string value) in record.Numerics?.Fields() ?? [])
            Row($"numerics: {name}", value);
        return text.ToString();
    }
}
