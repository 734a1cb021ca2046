using System.Text.Json.Serialization;

namespace Distributed.Training.Data;

[JsonSerializable(typeof(int[]))]
[JsonSerializable(typeof(double[]))]
internal sealed partial class RecipeJson : JsonSerializerContext;
