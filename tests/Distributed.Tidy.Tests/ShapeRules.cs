using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Distributed.Tidy.Tests;

/// <summary>Sizes that fit a screen and a sitting.</summary>
internal static class ShapeRules
{
    public const int ColumnsMax = 100;
    public const int MethodLinesMax = 70;
    public const int FileLinesMax = 800;

    public static IEnumerable<string> LongLines(IEnumerable<SourceFile> files)
    {
        foreach (var file in files.Where(IsCode))
        {
            for (var index = 0; index < file.Lines.Length; index++)
            {
                if (file.Lines[index].Length > ColumnsMax)
                {
                    yield return $"{file.Path}:{index + 1}: {file.Lines[index].Length} columns; "
                        + $"break the line at {ColumnsMax}";
                }
            }
        }
    }

    public static IEnumerable<string> LongFiles(IEnumerable<SourceFile> files) =>
        from file in files
        where IsCode(file) && file.Lines.Length > FileLinesMax + 1
        select $"{file.Path}: {file.Lines.Length - 1} lines; split it below {FileLinesMax}";

    public static IEnumerable<string> LongMethods(IEnumerable<SourceFile> files) =>
        files.SelectMany(file =>
            file.IsCSharp ? LongManagedMethods(file)
            : file.IsNative ? LongNativeFunctions(file)
            : []);

    private static bool IsCode(SourceFile file) => file.IsCSharp || file.IsNative;

    private static IEnumerable<string> LongManagedMethods(SourceFile file)
    {
        foreach (var node in file.Syntax.DescendantNodes())
        {
            if (node is not (BaseMethodDeclarationSyntax or AccessorDeclarationSyntax
                or LocalFunctionStatementSyntax))
            {
                continue;
            }
            // Attributes are not read as code: a test may have many rows of data.
            var attributes = node.ChildNodes().OfType<AttributeListSyntax>().LastOrDefault();
            var first = attributes?.GetLastToken().GetNextToken() ?? node.GetFirstToken();
            var startLine = first.GetLocation().GetLineSpan().StartLinePosition.Line;
            var lines = node.GetLocation().GetLineSpan().EndLinePosition.Line - startLine + 1;
            if (lines > MethodLinesMax)
            {
                yield return $"{file.At(node)}: a method of {lines} lines; split it below "
                    + $"{MethodLinesMax}";
            }
        }
    }

    /// <summary>
    /// Near enough for native code: a function is an outermost block that follows a closing
    /// parenthesis; blocks of namespaces, classes and the like are looked into.
    /// </summary>
    private static IEnumerable<string> LongNativeFunctions(SourceFile file)
    {
        var depth = 0;
        var functionDepth = -1;
        var startLine = 0;
        var before = "";
        foreach (var (character, line) in CodeCharacters(file))
        {
            if (character == '{')
            {
                if (functionDepth < 0 && before.Contains(')') && !before.TrimEnd().EndsWith('='))
                {
                    functionDepth = depth;
                    startLine = line;
                }
                depth++;
                before = "";
            }
            else if (character == '}')
            {
                depth--;
                before = "";
                if (depth == functionDepth)
                {
                    functionDepth = -1;
                    if (line - startLine + 1 > MethodLinesMax)
                    {
                        yield return $"{file.Path}:{startLine}: a function of "
                            + $"{line - startLine + 1} lines; split it below {MethodLinesMax}";
                    }
                }
            }
            else
            {
                before = character == ';' ? "" : before + character;
            }
        }
    }

    /// <summary>The characters that are neither comment, text nor preprocessor line.</summary>
    private static IEnumerable<(char Character, int Line)> CodeCharacters(SourceFile file)
    {
        var inComment = false;
        for (var index = 0; index < file.Lines.Length; index++)
        {
            var line = file.Lines[index];
            if (line.TrimStart().StartsWith('#'))
            {
                continue;
            }
            var quote = '\0';
            for (var column = 0; column < line.Length; column++)
            {
                var pair = column + 1 < line.Length ? line.AsSpan(column, 2) : "";
                if (inComment)
                {
                    inComment = pair is not "*/";
                }
                else if (quote != '\0')
                {
                    column += line[column] == '\\' ? 1 : 0;
                    quote = column < line.Length && line[column] == quote ? '\0' : quote;
                }
                else if (pair is "//")
                {
                    break;
                }
                else if (pair is "/*")
                {
                    inComment = true;
                }
                else if (line[column] is '"' or '\'')
                {
                    quote = line[column];
                }
                else
                {
                    yield return (line[column], index + 1);
                }
            }
        }
    }
}
