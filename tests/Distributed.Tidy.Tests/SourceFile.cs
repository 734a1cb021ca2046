using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Distributed.Tidy.Tests;

/// <summary>A tracked text file; the path is relative to the root, with forward slashes.</summary>
internal sealed class SourceFile(string path, string text)
{
    private readonly Lazy<SyntaxNode> syntax =
        new(() => CSharpSyntaxTree.ParseText(text).GetRoot());

    public string Path { get; } = path;

    public string Text { get; } = text;

    public string[] Lines { get; } = text.ReplaceLineEndings("\n").Split('\n');

    public bool IsCSharp => Path.EndsWith(".cs", StringComparison.Ordinal);

    public bool IsNative => System.IO.Path.GetExtension(Path) is ".cpp" or ".h" or ".cu";

    public bool IsProject => Path.EndsWith(".csproj", StringComparison.Ordinal);

    public bool IsMarkdown => Path.EndsWith(".md", StringComparison.Ordinal);

    public SyntaxNode Syntax => syntax.Value;

    /// <summary>The project whose folder holds the file, such as Distributed.Kernel.</summary>
    public string Project => Path.Split('/') is [_, var project, _, ..] ? project : "";

    public bool IsUnder(string folder) =>
        Path.StartsWith(folder + "/", StringComparison.Ordinal);

    public string At(SyntaxNode node) =>
        $"{Path}:{node.GetLocation().GetLineSpan().StartLinePosition.Line + 1}";
}
