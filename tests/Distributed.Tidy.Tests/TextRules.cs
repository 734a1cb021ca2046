using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Distributed.Tidy.Tests;

/// <summary>
/// Words that must not be in the repository. They are put together here, so that this file itself
/// keeps the rule.
/// </summary>
internal static class TextRules
{
    private static readonly (Regex Pattern, string Instead)[] Words =
    [
        (Word(@"\b(FIX" + @"ME|TO" + @"DO)\b"), "do it now, or open an issue"),
        (Word(@"\bNotImplemented" + @"Exception\b"), "write the code, or leave the member out"),
        (Word(@"(?<![\w.}~-])/(root|wo" + @"rk)/"), "a path relative to the repository"),
        (Word(
            @"\b(api\.nuget|registry\.npmjs|pypi|files\.pythonhosted|proxy\.golang"
            + @"|deb\.debian)\." + @"(org|com)\b"), "the package manager's own configuration"),
        (Word(@"\b(archive|security)\.ubu" + @"ntu\.com\b"),
            "the package manager's own configuration"),
    ];

    public static IEnumerable<string> BannedWords(IEnumerable<SourceFile> files)
    {
        foreach (var file in files)
        {
            for (var index = 0; index < file.Lines.Length; index++)
            {
                foreach (var (pattern, instead) in Words)
                {
                    if (pattern.Match(file.Lines[index]) is { Success: true } match)
                    {
                        yield return $"{file.Path}:{index + 1}: has {match.Value}; use "
                            + $"instead: {instead}";
                    }
                }
            }
        }
    }

    public static IEnumerable<string> SkippedTests(IEnumerable<SourceFile> files)
    {
        foreach (var file in files.Where(file => file.IsCSharp && file.IsUnder("tests")))
        {
            foreach (var node in file.Syntax.DescendantNodes())
            {
                var skips = node switch
                {
                    AttributeArgumentSyntax argument =>
                        argument.NameEquals?.Name.Identifier.Text.StartsWith(
                            "Skip", StringComparison.Ordinal) == true,
                    MemberAccessExpressionSyntax access =>
                        access.ToString() is "Assert.Skip" or "Skip.If" or "Skip.IfNot",
                    _ => false,
                };
                if (skips)
                {
                    yield return $"{file.At(node)}: a test is skipped; make it pass, or delete it";
                }
            }
        }
    }

    public static IEnumerable<string> Headings(IEnumerable<SourceFile> files)
    {
        foreach (var file in files.Where(file => file.IsMarkdown))
        {
            var inCode = false;
            var headings = 0;
            foreach (var line in file.Lines)
            {
                inCode ^= line.TrimStart().StartsWith("```", StringComparison.Ordinal);
                headings += !inCode && line.StartsWith("# ", StringComparison.Ordinal) ? 1 : 0;
            }
            if (headings != 1)
            {
                yield return $"{file.Path}: {headings} headings of the first level; have one";
            }
        }
    }

    private static Regex Word(string pattern) => new(pattern, RegexOptions.CultureInvariant);
}
