using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Distributed.Cluster.Configuration;
using Xunit.Sdk;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>
/// Goal: what holds for a document holds wherever it stands: with other white space, and in a file
/// that another one includes, at any depth. Method: all documents of the other classes, varied.
/// </summary>
public sealed partial class HoconVariationTests
{
    /// <summary>The space is the mistake in these: without it they would be right.</summary>
    private static readonly string[] wrongByTheirSpace = ["[${ ?a}]", "{ foo \n bar : 10 }"];

    public static IEnumerable<object[]> Invalid { get; } = [.. Rows(
        typeof(HoconErrorTests),
        nameof(HoconErrorTests.AnInvalidDocumentIsRefusedAtItsPlace))
        .Select(row => row[..1])];

    public static IEnumerable<object[]> Valid { get; } =
    [
        .. Rows(typeof(HoconSyntaxTests), nameof(HoconSyntaxTests.ADocumentMeansItsJson)),
        .. Rows(
            typeof(HoconSubstitutionTests),
            nameof(HoconSubstitutionTests.SubstitutionsMeanTheirJson)),
    ];

    [Theory]
    [MemberData(nameof(Invalid))]
    public void WhiteSpaceMakesNoInvalidDocumentValid(string document)
    {
        string[] variations =
        [
            " " + document, document + " ", " " + document + " ", "\n" + document,
            document + "\n", "\ufeff" + document, "# comment\n" + document,
            Outside(document, text => text.Replace(' ', '\u2003')),
            Outside(document, text => text.Replace(":", " : ", StringComparison.Ordinal)),
            Outside(document, text => text.Replace(",", " , ", StringComparison.Ordinal)),
            .. wrongByTheirSpace.Contains(document) || document.Contains("//")
                ? Array.Empty<string>()
                : [Outside(document, text => text.Replace(" ", "", StringComparison.Ordinal))],
        ];
        Assert.All(variations, variation =>
        {
            var error = Assert.Throws<HoconException>(
                () => HoconDocument.ParseValue(variation, "varied.conf"));
            Assert.Equal("varied.conf", error.Origin.Source);
            Assert.InRange(error.Origin.Line, 1, variation.Count(c => c == '\n') + 1);
            Assert.InRange(error.Origin.Column, 1, variation.Length + 1);
        });
    }

    /// <summary>
    /// Goal: an error in an included file names that file, and the place in it. Method: the place
    /// is the same as if the file had been read alone. A list cannot be included, so what is wrong
    /// only after parsing one is not looked for.
    /// </summary>
    [Theory]
    [MemberData(nameof(Invalid))]
    public void AnErrorInAnIncludedFileNamesItsPlaceThere(string document)
    {
        var alone = Assert.Throws<HoconException>(
            () => HoconDocument.ParseValue(document, "dir/inner.conf"));
        string[] outers =
        [
            "include \"dir/inner.conf\"", "x = 1\n\ny { z { include \"dir/inner.conf\" } }",
            "include \"dir/inner\"", "include \"dir/middle.conf\"",
        ];
        Assert.All(outers, outer =>
        {
            var error = Assert.Throws<HoconException>(() => HoconDocument.ParseValue(
                outer, "outer.conf", name => name switch
                {
                    "dir/inner.conf" => document,
                    "dir/middle.conf" => "include required(\"inner.conf\")",
                    _ => null,
                }));
            Assert.StartsWith("dir/inner.conf:", error.Message, StringComparison.Ordinal);
            if (!document.StartsWith('['))
            {
                Assert.Equal(alone.Origin, error.Origin);
            }
        });
    }

    /// <summary>
    /// Goal: a document means the same below a key, substitutions and all. Method: include it there
    /// and compare with its JSON there.
    /// </summary>
    [Theory]
    [MemberData(nameof(Valid))]
    public void ADocumentMeansTheSameWhereItIsIncluded(string document, string json)
    {
        if (JsonNode.Parse(json) is not JsonObject)
        {
            var error = Assert.Throws<HoconException>(() => Read("include \"in.conf\""));
            Assert.Contains("holds a list", error.Message, StringComparison.Ordinal);
            return;
        }
        HoconJson.AssertEqual(json, Read("include \"in.conf\""));
        HoconJson.AssertEqual(json, Read("{include file(\"in.conf\")\n}"));
        HoconJson.AssertEqual(
            "{\"p\":{\"q.r\":" + json + "}}", Read("p { \"q.r\" { include \"in\" } }"));
        HoconJson.AssertEqual(
            "{\"p\":{\"q\":" + json + "}}", Read("p { include \"middle.conf\" }"));

        HoconValue Read(string outer) => HoconDocument.ParseValue(
            outer, "outer.conf", name => name switch
            {
                "in.conf" => document,
                "middle.conf" => "q { include \"in.conf\" }",
                _ => null,
            });
    }

    [Theory]
    [MemberData(nameof(Valid))]
    public void WhatStandsAroundADocumentMakesNoDifference(string document, string json)
    {
        string[] variations =
        [
            " \t" + document, "\n" + document, "# comment\n// another\n" + document,
            document + "\n", document + " \n\n", document + " # comment",
            document + "\n// comment",
        ];
        Assert.All(variations, variation => HoconJson.AssertEqual(
            json, HoconDocument.ParseValue(variation, "varied.conf")));
    }

    // What is quoted is a value, or a file's name: its spaces are its own.
    private static string Outside(string document, Func<string, string> vary) =>
        string.Concat(Quoted().Split(document).Select(
            part => part.StartsWith('"') ? part : vary(part)));

    private static IEnumerable<object[]> Rows(Type type, string method) =>
        type.GetMethod(method)!.GetCustomAttributes<DataAttribute>()
            .SelectMany(data => data.GetData(type.GetMethod(method)!));

    [GeneratedRegex("(\"(?:[^\"\\\\]|\\\\.)*\")", RegexOptions.Singleline)]
    private static partial Regex Quoted();
}
