using System.Text.Json;
using System.Text.Json.Nodes;
using Distributed.Cluster.Configuration;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>Writes a resolved value as JSON, so that tests can state what they expect.</summary>
internal static class HoconJson
{
    public static string Render(HoconValue value) => value switch
    {
        HoconObject fields => "{" + string.Join(",", fields.Fields.Select(
            field => $"{JsonSerializer.Serialize(field.Key)}:{Render(field.Value)}")) + "}",
        HoconList list => "[" + string.Join(",", list.Elements.Select(Render)) + "]",
        HoconScalar { Kind: HoconScalarKind.Text } text => JsonSerializer.Serialize(text.Text),
        HoconScalar scalar => scalar.Text,
        _ => throw new InvalidOperationException(value.KindName),
    };

    public static void AssertEqual(string expectedJson, HoconValue actual)
    {
        var rendered = Render(actual);
        Assert.True(
            JsonNode.DeepEquals(JsonNode.Parse(expectedJson), JsonNode.Parse(rendered)),
            $"expected {expectedJson}\nbut got  {rendered}");
    }
}
