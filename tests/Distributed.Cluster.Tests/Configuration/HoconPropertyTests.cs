using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Distributed.Cluster.Configuration;
using FsCheck.Xunit;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>
/// Goal: all JSON is HOCON with the same meaning, and no input whatsoever is answered with anything
/// but a value or a <see cref="HoconException"/>. Method: documents drawn from a seed.
/// </summary>
public sealed class HoconPropertyTests
{
    private static readonly string[] fragments =
    [
        "{", "}", "[", "]", ",", ":", "=", "+=", "\n", " ", "\"", "\"\"\"", "${", "${?", "a", "b",
        "a.b", ".", "1", "-1.5e3", "true", "null", "#", "//", "\\", "\\u00e9", "include", "\"a\"",
        "required(", "file(", ")", "$", "+", "a=1\n", "b={a=2}\n", "a=${b}\n", "a+=1\n", "\ud800",
        "b=${?a}x\n", "a{b=${a}}\n", "[{a=1}]", "include \"a\"\n", "\u2028", "\0",
    ];

    [Property(MaxTest = 300)]
    public void JsonRoundTrips(int seed)
    {
        var random = new Random(seed);
        JsonNode json = random.Next(2) == 0
            ? Draw(random, 4, forceObject: true)! : new JsonArray(Draw(random, 4));
        var indented = new System.Text.Json.JsonSerializerOptions { WriteIndented = true };
        var text = random.Next(2) == 0 ? json.ToJsonString() : json.ToJsonString(indented);
        HoconJson.AssertEqual(text, HoconDocument.ParseValue(text, "drawn.json"));
    }

    [Property(MaxTest = 2000)]
    public void RandomFragmentsNeverCrash(int seed)
    {
        var random = new Random(seed);
        var text = new StringBuilder();
        for (var count = random.Next(40); count > 0; count--)
        {
            text.Append(fragments[random.Next(fragments.Length)]);
        }
        AssertAnswered(text.ToString());
    }

    [Property(MaxTest = 500)]
    public void RandomBytesNeverCrash(byte[] bytes) =>
        AssertAnswered(Encoding.UTF8.GetString(bytes));

    [Property(MaxTest = 200)]
    public void ADamagedFileNeverCrashes(int seed)
    {
        var random = new Random(seed);
        var text = new StringBuilder(ClusterSettingsTests.FileText);
        for (var count = random.Next(1, 6); count > 0; count--)
        {
            var at = random.Next(text.Length);
            text.Remove(at, Math.Min(random.Next(3), text.Length - at));
            text.Insert(at, fragments[random.Next(fragments.Length)]);
        }
        AssertAnswered(text.ToString());
    }

    private static void AssertAnswered(string text)
    {
        try
        {
            var value = HoconDocument.ParseValue(
                text, "drawn.conf", name => name == "a" ? "a = 3, c = ${?b}" : null);
            Assert.NotNull(value);
            Settings(text);
        }
        catch (HoconException error)
        {
            Assert.True(error.Origin.Line >= 1 && error.Origin.Column >= 1, error.Message);
            Assert.NotEmpty(error.Origin.Source);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    private static void Settings(string text) =>
        ClusterSettingsReader.Read("x.conf", name => name == "x.conf" ? text : null, [], []);

    private static JsonNode? Draw(Random random, int depth, bool forceObject = false)
    {
        if (!forceObject && (depth == 0 || random.Next(3) == 0))
        {
            return random.Next(6) switch
            {
                0 => null,
                1 => JsonValue.Create(random.Next(2) == 0),
                2 => JsonValue.Create(random.Next()),
                3 => JsonValue.Create((random.NextDouble() - 0.5) * 1e6),
                4 => JsonNode.Parse(
                    random.NextDouble().ToString("E3", CultureInfo.InvariantCulture)),
                _ => JsonValue.Create(DrawText(random)),
            };
        }
        if (!forceObject && random.Next(2) == 0)
        {
            var list = new JsonArray();
            for (var count = random.Next(4); count > 0; count--)
            {
                list.Add(Draw(random, depth - 1));
            }
            return list;
        }
        var result = new JsonObject();
        for (var count = random.Next(5); count > 0; count--)
        {
            result[DrawText(random)] = Draw(random, depth - 1);
        }
        return result;
    }

    private static string DrawText(Random random)
    {
        const string alphabet = "ab.$ {}[]:=,+#\"\\/\n\t\u0001é😀${x}include";
        var runes = alphabet.EnumerateRunes().ToArray();
        return string.Concat(Enumerable.Range(0, random.Next(8))
            .Select(_ => runes[random.Next(runes.Length)].ToString()));
    }
}
