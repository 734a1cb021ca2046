using Distributed.Cluster.Configuration;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>
/// Goal: substitutions mean what the specification says, above all where they refer to themselves.
/// Method: documents with the JSON that they stand for.
/// </summary>
public sealed class HoconSubstitutionTests
{
    [Theory]
    // Looking forward, types kept
    [InlineData("a = ${b}, b = 1", """{"a":1,"b":1}""")]
    [InlineData("b = 1, a = ${b}, b = 2", """{"b":2,"a":2}""")]
    [InlineData("a = [${b}, ${c}], b = null, c { d = true }",
        """{"a":[null,{"d":true}],"b":null,"c":{"d":true}}""")]
    [InlineData("a = ${x.y} is ${x.z}, x { y = one, z = 1.0 }",
        """{"a":"one is 1.0","x":{"y":"one","z":1.0}}""")]
    [InlineData("a = ${\"b.c\"}${ b . c }, b . c = 2, \"b.c\" = 1, \"b \".\" c\" = 3",
        """{"a":"13","b ":{" c":3},"b.c":1}""")]
    [InlineData("a = <${n}>, n = null", """{"a":"<null>","n":null}""")]
    // Optional
    [InlineData("a = ${?b}", "{}")]
    [InlineData("a = 1, a = ${?b}", """{"a":1}""")]
    [InlineData("a = [${?b}, 1, ${?c}]", """{"a":[1]}""")]
    [InlineData("a = x${?b}y", """{"a":"xy"}""")]
    [InlineData("a = ${?b}${?c}", "{}")]
    [InlineData("a = ${?b} ${?c}", "{}")]
    [InlineData("a = [1] ${?b}, c = ${?b} { d = 1 }", """{"a":[1],"c":{"d":1}}""")]
    [InlineData("a = ${?b}, b = ${?a}", "{}")]
    [InlineData("a = ${?a}, c = 1", """{"c":1}""")]
    [InlineData("a = { b = ${?a}, c = 1 }", """{"a":{"c":1}}""")]
    // Joining
    [InlineData("a = [1, 2], b = ${a} [3] ${a}", """{"a":[1,2],"b":[1,2,3,1,2]}""")]
    [InlineData("a { x = 1, y = 1 }, b = ${a} { y = 2, z = 3 }",
        """{"a":{"x":1,"y":1},"b":{"x":1,"y":2,"z":3}}""")]
    [InlineData("a = ${b} ${c}, b { x = 1 }, c { y = 2 }",
        """{"a":{"x":1,"y":2},"b":{"x":1},"c":{"y":2}}""")]
    // Merging over and under a substitution
    [InlineData("a = ${b}, a { y = 2 }, b { x = 1 }", """{"a":{"x":1,"y":2},"b":{"x":1}}""")]
    [InlineData("a { y = 2 }, a = ${b}, b { x = 1 }", """{"a":{"y":2,"x":1},"b":{"x":1}}""")]
    [InlineData("a { y = 2 }, a = ${b}, b = 5", """{"a":5,"b":5}""")]
    [InlineData("a = ${b}, a { y = 2 }, b = 5", """{"a":{"y":2},"b":5}""")]
    [InlineData("a { x = 1 }, a = ${b}, a { z = 3 }, b = 5", """{"a":{"z":3},"b":5}""")]
    [InlineData("a = ${b}, a { c = null, c { y = 2 } }, b { c { x = 1 } }",
        """{"a":{"c":{"y":2}},"b":{"c":{"x":1}}}""")]
    [InlineData("d { c { x = 1 } }, d = ${b}, b { c = null, c { y = 2 } }",
        """{"d":{"c":{"y":2}},"b":{"c":{"y":2}}}""")]
    // A hidden value is never resolved
    [InlineData("a = ${missing}, a = 42", """{"a":42}""")]
    [InlineData("a = ${a}, a = 42", """{"a":42}""")]
    [InlineData("a = ${missing}, a = [1], a = ${a} [2]", """{"a":[1,2]}""")]
    // Merges that wait for one another
    [InlineData("low = 5, high { q = 10 }\na = 1, a.deep.er = ${b}, a = ${low}, a = ${high}\n"
        + "a { c = 3 }, b = ${high}, b = ${low}\nm = ${high}, m { d = 6, e = ${a}, f = ${b} }",
        """
        {"low":5,"high":{"q":10},"a":{"q":10,"c":3},"b":5,
         "m":{"q":10,"d":6,"e":{"q":10,"c":3},"f":5}}
        """)]
    // Empty and quoted elements
    [InlineData("n { \"\" { \"\" = 4 } }, \"n.\" = 5, "
        + "a = ${n.\"\".\"\"}${ \"n\".\"\".\"\" }${\"n.\"}",
        """{"n":{"":{"":4}},"n.":5,"a":"445"}""")]
    // Self-reference looks back
    [InlineData("path = a, path = ${path}\":b\", path = ${path}\":c\"", """{"path":"a:b:c"}""")]
    [InlineData("a = [1], a = ${a} [2], a = ${a} [3]", """{"a":[1,2,3]}""")]
    [InlineData("a { x = 1 }, a = ${a} { y = 2 }", """{"a":{"x":1,"y":2}}""")]
    [InlineData("a { b = 3 }, a = { b = 2 } ${a}", """{"a":{"b":3}}""")]
    [InlineData("a = ${?a}foo", """{"a":"foo"}""")]
    [InlineData("a { a { c = 1 } }, a = ${a.a}, a { a = 2 }", """{"a":{"a":2,"c":1}}""")]
    [InlineData("a.b = 1, a.b = ${a.b}2", """{"a":{"b":"12"}}""")]
    [InlineData("a = ${x}, a { p = ${a.p}2 }, x { p = 1 }", """{"a":{"p":"12"},"x":{"p":1}}""")]
    [InlineData("c = ${d}, d { x = [] }, c { x += 1, x += 2 }",
        """{"c":{"x":[1,2]},"d":{"x":[]}}""")]
    [InlineData("q = ${r}, r { d.x = [0] }, q { d { x = [] }, c = ${q.d}, c { x += 1, x += 2 } }",
        """{"q":{"d":{"x":[]},"c":{"x":[1,2]}},"r":{"d":{"x":[0]}}}""")]
    [InlineData("a = ${x}, a += ${y}, x = [1], y = 2", """{"a":[1,2],"x":[1],"y":2}""")]
    [InlineData("a { x = 1 }, a = ${b}, b { x = ${?b.x}foo }",
        """{"a":{"x":"foo"},"b":{"x":"foo"}}""")]
    // Objects that refer to their own fields and to each other look forward
    [InlineData("b { f = 42, g = ${b.f} }, b { f = 43 }", """{"b":{"f":43,"g":43}}""")]
    [InlineData("b { a = ${f.d}, b = 1 }, b.b = 3, f { c = ${b.b}, d = 2 }, f.d = 4",
        """{"b":{"a":4,"b":3},"f":{"c":3,"d":4}}""")]
    [InlineData("f = ${a.b.c}, a { b { c = 42, d = ${f} }, d = ${f} }",
        """{"f":42,"a":{"b":{"c":42,"d":42},"d":42}}""")]
    [InlineData("i = ${d}, i.b = 3, j.b = ${i.b}, d { a = 1, b = 2 }",
        """{"i":{"a":1,"b":3},"j":{"b":3},"d":{"a":1,"b":2}}""")]
    [InlineData("d { a = 1, b = 2 }, i = ${d}, i.c = ${j.d}, i.x = ${j.y}, j = ${d}, "
        + "j.d = ${i.a}, j.y = 15",
        """{"d":{"a":1,"b":2},"i":{"a":1,"b":2,"c":1,"x":15},"j":{"a":1,"b":2,"d":1,"y":15}}""")]
    [InlineData("a = ${b}, a { x = 1 }, b { y = ${a.x} }", """{"a":{"y":1,"x":1},"b":{"y":1}}""")]
    // Values of many kinds over one another
    [InlineData("x { q = 10 }, y = 5, a = 1, a.q.r.s = ${b}, a = ${y}, a = ${x}, a { c = 3 }, "
        + "b = ${x}, b = ${y}, c = ${x}, c { d = 600, e = ${a}, f = ${b} }",
        """
        {"x":{"q":10},"y":5,"a":{"q":10,"c":3},"b":5,
         "c":{"q":10,"d":600,"e":{"q":10,"c":3},"f":5}}
        """)]
    public void SubstitutionsMeanTheirJson(string document, string json) =>
        HoconJson.AssertEqual(json, HoconDocument.ParseValue(document, "test"));

    [Fact]
    public void TwoValuesThatSwapComeOutEqual()
    {
        var config = HoconConfig.Parse("a = 1, b = 2, a = ${b}, b = ${a}", "test");
        Assert.Equal(config.GetInt("a"), config.GetInt("b"));
    }

    [Theory]
    [InlineData("a = ${HOME}/runs", """{"a":"/home/ada/runs"}""")]
    [InlineData("a = ${?EMPTY}", """{"a":""}""")]
    [InlineData("a = ${?ABSENT}", "{}")]
    [InlineData("HOME = here, a = ${HOME}", """{"HOME":"here","a":"here"}""")]
    [InlineData("HOME = null, a = ${HOME}", """{"HOME":null,"a":null}""")]
    [InlineData("HOME = ${HOME}/x", """{"HOME":"/home/ada/x"}""")]
    [InlineData("a = b, a = ${?HOME}", """{"a":"/home/ada"}""")]
    public void TheEnvironmentAnswersWhatTheConfigurationDoesNot(string document, string json)
    {
        var environment = new Dictionary<string, string> { ["HOME"] = "/home/ada", ["EMPTY"] = "" };
        HoconJson.AssertEqual(json, HoconDocument.ParseValue(
            document, "test", readEnvironment: name => environment.GetValueOrDefault(name)));
    }
}
