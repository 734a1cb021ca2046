using Distributed.Cluster.Configuration;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>
/// Goal: each rule of the specification's syntax has a document here and the JSON it stands for.
/// Method: parse, resolve, compare as JSON. Substitutions and includes have classes of their own.
/// </summary>
public sealed class HoconSyntaxTests
{
    [Theory]
    // Comments
    [InlineData("a = 1 # one\n// two\nb = 2 // two", """{"a":1,"b":2}""")]
    [InlineData("a = \"# no // comment\"", """{"a":"# no // comment"}""")]
    [InlineData("a # why\n : # and\n 1", """{"a":1}""")]
    [InlineData("a = [ 1, # one\n 2 // two\n ]", """{"a":[1,2]}""")]
    [InlineData("a = 1 /2", """{"a":"1 /2"}""")]
    // Root braces
    [InlineData("", "{}")]
    [InlineData(" \n \n# nothing", "{}")]
    [InlineData("{}", "{}")]
    [InlineData("{ a : 1 } // after", """{"a":1}""")]
    [InlineData("[1, 2]", "[1,2]")]
    [InlineData("\ufeffa = 1", """{"a":1}""")]
    // Separators
    [InlineData("a : 1\nb = 2\nc { d = 3 }", """{"a":1,"b":2,"c":{"d":3}}""")]
    [InlineData("a\n=\n1", """{"a":1}""")]
    [InlineData("a\n{ b = 1 }", """{"a":{"b":1}}""")]
    // Commas
    [InlineData("a = 1, b = 2,", """{"a":1,"b":2}""")]
    [InlineData("a = [1\n2\n3]", """{"a":[1,2,3]}""")]
    [InlineData("a = [1,2,3,]", """{"a":[1,2,3]}""")]
    [InlineData("a = [1\n,\n2\n\n,]", """{"a":[1,2]}""")]
    [InlineData("{ a : 1\n , \n }", """{"a":1}""")]
    // White space
    [InlineData("\u00a0a\u2003=\u202f1\u3000", """{"a":1}""")]
    [InlineData("a =\tx\u00a0y\v", """{"a":"x\u00a0y"}""")]
    // Duplicate keys
    [InlineData("a = 1, a = 2", """{"a":2}""")]
    [InlineData("a { x = 1 }, a { y = 2 }", """{"a":{"x":1,"y":2}}""")]
    [InlineData("a { x = 1 }, a = null, a { y = 2 }", """{"a":{"y":2}}""")]
    [InlineData("a { x = 1 }, a = [2]", """{"a":[2]}""")]
    [InlineData("a { b { x = 1, y = 1 } }, a { b { y = 2 } }", """{"a":{"b":{"x":1,"y":2}}}""")]
    // Unquoted strings
    [InlineData("a = truefoo", """{"a":"truefoo"}""")]
    [InlineData("a = true", """{"a":true}""")]
    [InlineData("a = 10.0bar", """{"a":"10.0bar"}""")]
    [InlineData("a = bar10.0", """{"a":"bar10.0"}""")]
    [InlineData("a = [/, t, tru, nul, -, ---, 1-e3, 1.0.0, 1.0., 10e3e3]",
        """{"a":["/","t","tru","nul","-","---","1-e3","1.0.0","1.0.","10e3e3"]}""")]
    [InlineData("a = [10e+3, -0.5, 1E5, 0]", """{"a":[10e+3,-0.5,1E5,0]}""")]
    [InlineData("a = (b%c;d'e|f~<g>)", """{"a":"(b%c;d'e|f~<g>)"}""")]
    // Quoted strings
    [InlineData("""a = "\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00" """,
        """{"a":"\"\\/\b\f\n\r\té😀"}""")]
    [InlineData("a = \"${b}\"", """{"a":"${b}"}""")]
    // Triple quotes
    [InlineData("a = \"\"\"x\\n\"y\n z\"\"\"", """{"a":"x\\n\"y\n z"}""")]
    [InlineData("a = \"\"\"x\"\"\"\"\"", """{"a":"x\"\""}""")]
    [InlineData("a = \"\"\"\"\"\"", """{"a":""}""")]
    [InlineData("a = \"\"\"\"x\"\"\" y", """{"a":"\"x y"}""")]
    // Concatenation
    [InlineData("a =   null bar 42  baz true 3.14 \"hi\"  ",
        """{"a":"null bar 42  baz true 3.14 hi"}""")]
    [InlineData("a = 1e5 1E5", """{"a":"1e5 1E5"}""")]
    [InlineData("a = \"x\"\"y\" z", """{"a":"xy z"}""")]
    [InlineData("a = [1 2\n3]", """{"a":["1 2",3]}""")]
    [InlineData("a = [1, 2] [3,\n4]", """{"a":[1,2,3,4]}""")]
    [InlineData("a = { b : 1 } { c : 2, b : 3 }", """{"a":{"b":3,"c":2}}""")]
    [InlineData("a = [ { b = 1 } { c = 2 }\n{ d = 3 } ]", """{"a":[{"b":1,"c":2},{"d":3}]}""")]
    [InlineData("a = [ [1, 2]\n [3, 4] ]", """{"a":[[1,2],[3,4]]}""")]
    [InlineData("a = [1] { \"1\" : y, \"0\" : x, z : 1 }", """{"a":[1,"x","y"]}""")]
    // Paths
    [InlineData("a.b.c = 1", """{"a":{"b":{"c":1}}}""")]
    [InlineData("a.x = 1, a.y = 2", """{"a":{"x":1,"y":2}}""")]
    [InlineData("a.\"b.c\".d = 1", """{"a":{"b.c":{"d":1}}}""")]
    [InlineData("a b c = 1", """{"a b c":1}""")]
    [InlineData("\"a\" \"b\" = 1", """{"a b":1}""")]
    [InlineData("3.14 = 1, true = 2", """{"3":{"14":1},"true":2}""")]
    [InlineData("10.0foo = 1, foo10.0 = 2, foo\"10.0\" = 3",
        """{"10":{"0foo":1},"foo10":{"0":2},"foo10.0":3}""")]
    [InlineData("1.2.3 = x", """{"1":{"2":{"3":"x"}}}""")]
    [InlineData("a.\"\".b = 1, \"\" = 2", """{"a":{"":{"b":1}},"":2}""")]
    [InlineData("/a/b/%c = 1", """{"/a/b/%c":1}""")]
    // include is a word like any other where no include can stand
    [InlineData("a = include, b = [include], a include = 1, \"include\" = 2",
        """{"a":"include","b":["include"],"a include":1,"include":2}""")]
    // +=
    [InlineData("a += 1, a += 2", """{"a":[1,2]}""")]
    [InlineData("a = [1], a += { b = 2 }", """{"a":[1,{"b":2}]}""")]
    [InlineData("a.b.c = [1], a { b { c += 2 } }", """{"a":{"b":{"c":[1,2]}}}""")]
    [InlineData("x += [1], x += [2]", """{"x":[[1],[2]]}""")]
    public void ADocumentMeansItsJson(string document, string json) =>
        HoconJson.AssertEqual(json, HoconDocument.ParseValue(document, "test"));

    [Fact]
    public void KeysKeepTheOrderInWhichTheyWereWritten()
    {
        var config = HoconConfig.Parse("z = 1, b = 2, a = ${b}, z = 3, m { y = 1, x = 2 }", "test");
        Assert.Equal(["z", "b", "a", "m"], config.Keys);
        Assert.Equal(["y", "x"], config.GetConfig("m").Keys);
    }

    /// <summary>
    /// Ten documents in ten styles that must all give the same tree.
    /// </summary>
    [Theory]
    [InlineData("{\"node\":{\"name\":\"w 0\",\"ports\":[1,2],\"on\":true,\"none\":null}}")]
    [InlineData("node = { name = w 0, ports = [1, 2], on = true, none = null }")]
    [InlineData("node { name = w 0\n ports = [\n1\n2\n]\n on = true\n none = null\n}")]
    [InlineData("node.name = w 0\nnode.ports = [1, 2]\nnode.on = true\nnode.none = null")]
    [InlineData("node { name : \"w\" 0 }\nnode { ports = [1] [2] }, node.on:true,node.none=null")]
    [InlineData("node { name = x }, node.name = w 0, node.ports += 1, node.ports += 2, "
        + "node { on = true } { none = null }")]
    [InlineData("w = w, yes = true, node = { name = ${w} 0, ports = [1, 2] }, node.on = ${yes}, "
        + "node.none = null, w = ${?nothing}w")]
    [InlineData("# node\nnode // a comment\n{\"name\" : w 0 # 0\n,ports:[1,2]\non:true,none:null}")]
    [InlineData("base { ports = [1], on = false }, node = ${base} { name = w 0 }, "
        + "node.ports = ${node.ports} [2], node.on = true, node.none = null")]
    [InlineData("node = 7, node { name = \"\"\"w 0\"\"\" }, node { ports { 0 = 1, 1 = 2 } }, "
        + "node.ports = [] ${node.ports}, node { on = true, none = null }")]
    public void StylesAreEquivalent(string document)
    {
        var node = HoconConfig.Parse(document, "test").GetConfig("node");
        HoconJson.AssertEqual(
            """{"name":"w 0","ports":[1,2],"on":true,"none":null}""",
            new HoconObject(node.Root.Origin, Ordered(node, "name", "ports", "on", "none")));
        Assert.Equal(4, node.Keys.Count());
    }

    private static OrderedDictionary<string, HoconValue> Ordered(
        HoconConfig config, params string[] keys)
    {
        var fields = new OrderedDictionary<string, HoconValue>();
        foreach (var key in keys)
        {
            fields.Add(key, config.Find(key)!);
        }
        return fields;
    }
}
