namespace Distributed.Training.Data;

/// <summary>
/// How far a fetch is. <paramref name="Fraction"/> runs from 0 to 1 over the whole fetch and is for
/// a bar; <paramref name="Text"/> changes rarely and is for a person.
/// </summary>
public readonly record struct DatasetProgress(string Text, double Fraction);
