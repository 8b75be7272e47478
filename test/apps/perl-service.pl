#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# A service with Net::DBus on its own main loop.

package Sample;

use strict;
use warnings;
use base qw(Net::DBus::Object);
use Net::DBus::Exporter qw(com.example.Sample1);
use Net::DBus::Reactor;

dbus_method("Echo", ["string"], ["string"]);
dbus_method("Add", ["int32", "int32"], ["int32"]);
dbus_method("Lengths", [["array", "string"]], [["dict", "string", "uint32"]]);
dbus_method("Refuse", [], []);
dbus_method("Shout", ["string"], []);
dbus_method("Quit", [], []);
dbus_signal("Shouted", ["string"]);

sub new {
    my ($class, $service) = @_;
    my $self = $class->SUPER::new($service, "/com/example/Sample");
    return bless $self, $class;
}

sub Echo { my ($self, $text) = @_; return $text; }
sub Add { my ($self, $left, $right) = @_; return $left + $right; }
sub Lengths { my ($self, $texts) = @_; return {map { $_ => length $_ } @$texts}; }
sub Refuse { die Net::DBus::Error->new(name => "com.example.Sample.Error.Refused",
                                       message => "not today"); }
sub Shout { my ($self, $text) = @_; $self->emit_signal("Shouted", $text); return; }
sub Quit { Net::DBus::Reactor->main->shutdown; return; }

package main;

use strict;
use warnings;
use Net::DBus;
use Net::DBus::Reactor;

my $service = Net::DBus->session->export_service("com.example.Sample");
my $object = Sample->new($service);
Net::DBus::Reactor->main->run;
