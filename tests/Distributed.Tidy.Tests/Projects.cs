using System.Xml.Linq;

namespace Distributed.Tidy.Tests;

/// <summary>What a project file says of its references.</summary>
internal sealed record ProjectFile(
    string Path, string Name, bool IsExecutable, IReadOnlyList<string> Projects,
    IReadOnlyList<string> Packages, IReadOnlyList<string> Usings)
{
    public bool IsTest => Name.EndsWith(".Tests", StringComparison.Ordinal);
}

internal static class ProjectFiles
{
    public static IReadOnlyList<ProjectFile> Of(IEnumerable<SourceFile> files) =>
        [.. files.Where(file => file.IsProject).Select(Read)];

    /// <summary>All projects that one reaches through references, itself excluded.</summary>
    public static IReadOnlySet<string> Reach(string name, IReadOnlyList<ProjectFile> projects)
    {
        var reached = new SortedSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>([name]);
        while (open.TryPop(out var next))
        {
            foreach (var project in projects.Where(project => project.Name == next))
            {
                foreach (var reference in project.Projects.Where(reached.Add))
                {
                    open.Push(reference);
                }
            }
        }
        return reached;
    }

    private static ProjectFile Read(SourceFile file)
    {
        var xml = XDocument.Parse(file.Text);
        IReadOnlyList<string> Included(string element) =>
            [.. xml.Descendants(element).Attributes("Include").Select(include => include.Value)];

        return new ProjectFile(
            file.Path,
            Path.GetFileNameWithoutExtension(file.Path),
            xml.Descendants("OutputType").Any(type => type.Value == "Exe"),
            [.. Included("ProjectReference")
                .Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/')))],
            Included("PackageReference"),
            Included("Using"));
    }
}
