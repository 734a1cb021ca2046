using Distributed.Cluster.Configuration;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>
/// Goal: includes are found, merged and resolved as the specification says.
/// Method: a file system that is a dictionary.
/// </summary>
public sealed class HoconIncludeTests
{
    private static readonly SortedDictionary<string, string> files = new(StringComparer.Ordinal)
    {
        ["etc/plain.conf"] = "x = 10, y = ${x}",
        ["etc/sub/outer.conf"] = "o = 1\ninclude \"inner.conf\"\ninclude file(\"etc/plain.conf\")",
        ["etc/sub/inner.conf"] = "i = 2",
        ["etc/list.conf"] = "[1]",
        ["etc/loop.conf"] = "include \"loop.conf\"",
        ["etc/bad.conf"] = "a = 1\n  b = *",
        ["etc/many.json"] = """{ "json" : 1, "both" : "json" }""",
        ["etc/many.conf"] = "conf = 2, both = conf",
        ["etc/many.properties"] = "# properties\n! too\np.a = 1 \np.b:x\\ty\\u00e9\np = lost\n"
            + "long = one \\\n  two\n\nboth=properties\nempty",
        ["etc/root.conf"] = "z = ${fromRoot}, own = ${x}, x = 1",
        ["etc/adds.conf"] = "l += 2, s = ${?s}b",
        ["etc/nested.conf"] = "deep { include \"root.conf\" }, x = 7",
        ["etc/needs.conf"] = "n = ${x}",
        ["etc/middle.conf"] = "q { include \"needs.conf\" }, x = 5",
    };

    [Theory]
    [InlineData("include \"plain.conf\"", """{"x":10,"y":10}""")]
    [InlineData("x = 1, include \"plain.conf\", y = 3", """{"x":10,"y":3}""")]
    [InlineData("a { include \"plain.conf\" }, a { x = 42 }", """{"a":{"x":42,"y":42}}""")]
    [InlineData("a.b { include \"plain.conf\" }", """{"a":{"b":{"x":10,"y":10}}}""")]
    [InlineData("include\n\n \"plain.conf\"\nb = 1", """{"x":10,"y":10,"b":1}""")]
    [InlineData("include\"plain.conf\"", """{"x":10,"y":10}""")]
    [InlineData("include \"absent.conf\", a = 1", """{"a":1}""")]
    [InlineData("include required( file( \"etc/plain.conf\" ) )", """{"x":10,"y":10}""")]
    [InlineData("include required(\"plain.conf\")", """{"x":10,"y":10}""")]
    [InlineData("include file(\"plain.conf\")", "{}")]
    [InlineData("include \"sub/outer.conf\"", """{"o":1,"i":2,"x":10,"y":10}""")]
    [InlineData("a { include \"root.conf\" }, fromRoot = r, x = 2",
        """{"a":{"z":"r","own":1,"x":1},"fromRoot":"r","x":2}""")]
    [InlineData("a { include \"nested.conf\" }, fromRoot = r",
        """{"a":{"deep":{"z":"r","own":1,"x":1},"x":7},"fromRoot":"r"}""")]
    [InlineData("a { include \"middle.conf\" }, x = 6", """{"a":{"q":{"n":5},"x":5},"x":6}""")]
    [InlineData("a { l = [1], s = a, include \"adds.conf\" }", """{"a":{"l":[1,2],"s":"ab"}}""")]
    [InlineData("a = [{ include \"sub/inner.conf\" }]", """{"a":[{"i":2}]}""")]
    [InlineData("include \"many\"",
        """
        {"empty":"","p":{"a":"1 ","b":"x\ty\u00e9"},"long":"one two","both":"conf","json":1,
         "conf":2}
        """)]
    public void AnIncludeMeansTheFieldsOfItsFile(string document, string json) =>
        HoconJson.AssertEqual(json, HoconDocument.ParseValue(
            document, "etc/main.conf", name => files.GetValueOrDefault(name)));

    [Theory]
    [InlineData("include \"list.conf\"", "etc/list.conf:1:1")]
    [InlineData("include \"loop.conf\"", "etc/loop.conf:1:9")]
    [InlineData("include \"bad.conf\"", "etc/bad.conf:2:7")]
    [InlineData("include required(\"absent\")", "etc/main.conf:1:18")]
    [InlineData("a = [{ include \"plain.conf\" }]", "etc/plain.conf:1:13")]
    [InlineData("include \"root.conf\"", "etc/root.conf:1:5")]
    public void AnErrorNamesTheFileItIsIn(string document, string place)
    {
        var error = Assert.Throws<HoconException>(() => HoconConfig.Parse(
            document, "etc/main.conf", name => files.GetValueOrDefault(name)));
        Assert.StartsWith(place + ": ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatCannotBeReadIsAnErrorAtTheInclude()
    {
        var error = Assert.Throws<HoconException>(() => HoconConfig.Parse(
            "a = 1\ninclude \"b.conf\"", "main.conf",
            name => throw new UnauthorizedAccessException("access denied")));
        Assert.StartsWith("main.conf:2:9: cannot read b.conf", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void IncludesThatMultiplyAreRefused()
    {
        // Each file includes the next one twice: over a million reads.
        Assert.Throws<HoconException>(() => HoconConfig.Parse(
            "include \"1.conf\"", "0.conf", name =>
            {
                var next = int.Parse(name.Split('.')[0]) + 1;
                return $"include \"{next}.conf\"\ninclude \"{next}.conf\"";
            }));
    }
}
