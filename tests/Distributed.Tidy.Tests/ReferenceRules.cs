using System.Xml.Linq;

namespace Distributed.Tidy.Tests;

/// <summary>What is referenced is used.</summary>
internal static class ReferenceRules
{
    public static IEnumerable<string> UnusedProjectReferences(IReadOnlyList<SourceFile> files)
    {
        var projects = ProjectFiles.Of(files);
        foreach (var project in projects)
        {
            var folder = project.Path[..project.Path.LastIndexOf('/')];
            var sources = files.Where(file => file.IsCSharp && file.IsUnder(folder)).ToList();
            if (sources.Count == 0)
            {
                continue;
            }
            var used = sources.SelectMany(LayerRules.NamespacesUsed)
                .Select(use => use.Project)
                .Concat(project.Usings)
                .ToHashSet();
            foreach (var reference in project.Projects)
            {
                // Tests are inside the namespace of their twin, and who references an executable
                // wants it built.
                var implied = project.Name == reference + ".Tests"
                    || projects.Any(other => other.Name == reference && other.IsExecutable);
                if (!implied && !used.Any(name => name == reference
                    || name.StartsWith(reference + ".", StringComparison.Ordinal)))
                {
                    yield return $"{project.Path}: nothing uses {reference}; drop the reference";
                }
            }
        }
    }

    public static IEnumerable<string> UnusedPackageVersions(IReadOnlyList<SourceFile> files)
    {
        var referenced = files
            .Where(file => file.IsProject || file.Path == "Directory.Build.props")
            .SelectMany(file => Included(file, "PackageReference"))
            .ToHashSet();
        foreach (var central in files.Where(file => file.Path == "Directory.Packages.props"))
        {
            foreach (var package in Included(central, "PackageVersion"))
            {
                if (!referenced.Contains(package))
                {
                    yield return $"{central.Path}: no project references {package}; drop it";
                }
            }
        }
    }

    private static IEnumerable<string> Included(SourceFile file, string element) =>
        XDocument.Parse(file.Text).Descendants(element).Attributes("Include")
            .Select(include => include.Value);
}
