using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Distributed.Tidy.Tests;

/// <summary>The design's layers: arrows point down, and some not even there.</summary>
internal static partial class LayerRules
{
    /// <summary>From the top down; projects of one entry do not see each other.</summary>
    private static readonly string[][] Layers =
    [
        ["Distributed.Cli", "Distributed.Pbm"],
        ["Distributed.Dashboard"],
        ["Distributed.Runtime"],
        ["Distributed.Simulation"],
        ["Distributed.Cluster"],
        ["Distributed.Training"],
        ["Distributed.Collectives"],
        ["Distributed.Telemetry"],
        ["Distributed.Torch"],
        ["Distributed.Kernel"],
    ];

    private static readonly (string Project, string[] Never)[] Forbidden =
    [
        ("Distributed.Cluster",
            ["Distributed.Runtime", "Distributed.Training", "Distributed.Torch"]),
        ("Distributed.Simulation", ["Distributed.Runtime", "Distributed.Torch"]),
    ];

    public static IEnumerable<string> ByProjectReference(IEnumerable<SourceFile> files)
    {
        var projects = ProjectFiles.Of(files.Where(file => file.IsUnder("src")));
        foreach (var project in projects)
        {
            var layer = LayerOf(project.Name);
            if (layer < 0)
            {
                yield return $"{project.Path}: {project.Name} has no layer; put it into the "
                    + "design's table and into LayerRules, or merge it into a project that has";
                continue;
            }
            foreach (var reference in project.Projects.Where(name => LayerOf(name) <= layer))
            {
                yield return $"{project.Path}: {project.Name} may not reference {reference}; "
                    + "arrows point down, so move what it needs to a lower layer";
            }
            if (project.Name == "Distributed.Kernel" && project.Packages.Count > 0)
            {
                yield return $"{project.Path}: Kernel references {project.Packages[0]}; it may "
                    + "reference no package";
            }
        }
        foreach (var (name, never) in Forbidden)
        {
            foreach (var reached in ProjectFiles.Reach(name, projects).Intersect(never))
            {
                yield return $"src/{name}/{name}.csproj: reaches {reached}, which it must never; "
                    + "let it define a port, and Runtime implement it";
            }
        }
    }

    public static IEnumerable<string> ByNamespace(IReadOnlyList<SourceFile> files)
    {
        var projects = ProjectFiles.Of(files.Where(file => file.IsUnder("src")));
        foreach (var project in projects)
        {
            var allowed = ProjectFiles.Reach(project.Name, projects);
            foreach (var file in files.Where(
                file => file.IsCSharp && file.IsUnder("src/" + project.Name)))
            {
                foreach (var (name, node) in NamespacesUsed(file))
                {
                    if (name != project.Name && !allowed.Contains(name))
                    {
                        yield return $"{file.At(node)}: {project.Name} uses {name}, which it "
                            + "does not reference";
                    }
                }
            }
        }
    }

    /// <summary>The projects whose namespaces a file names, in usings or in full.</summary>
    public static IEnumerable<(string Project, Microsoft.CodeAnalysis.SyntaxNode Node)>
        NamespacesUsed(SourceFile file)
    {
        foreach (var node in file.Syntax.DescendantNodes())
        {
            if (node is not (QualifiedNameSyntax or MemberAccessExpressionSyntax)
                || node.Parent is BaseNamespaceDeclarationSyntax)
            {
                continue;
            }
            if (node.GetFirstToken().Text != "Distributed")
            {
                continue;
            }
            var match = ProjectName().Match(node.ToString());
            if (match.Success && LayerOf(match.Value) >= 0)
            {
                yield return (match.Value, node);
            }
        }
    }

    private static int LayerOf(string name) =>
        Array.FindIndex(Layers, layer => layer.Contains(name));

    [GeneratedRegex(@"^Distributed\.\w+(?=$|\.)")]
    private static partial Regex ProjectName();
}
