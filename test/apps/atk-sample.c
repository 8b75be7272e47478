/* SPDX-License-Identifier: MIT */
/*
 * An application that assistive programs can use: a window with a button, without a screen. The
 * button changes its name when it is pressed. Quits after the second press.
 */
#include <atk-bridge.h>
#include <atk/atk.h>
#include <stdio.h>

static GMainLoop *loop;
static AtkObject *root;

/* An object with children. */

typedef struct {
        AtkObject parent;
        GPtrArray *children;
} Node;

typedef struct {
        AtkObjectClass parent;
} NodeClass;

GType node_get_type(void);
G_DEFINE_TYPE(Node, node, ATK_TYPE_OBJECT)

static int node_count(AtkObject *object)
{
        return (int)((Node *)object)->children->len;
}

static AtkObject *node_child(AtkObject *object, int index)
{
        GPtrArray *children = ((Node *)object)->children;

        if (index < 0 || (guint)index >= children->len)
                return NULL;
        return g_object_ref(children->pdata[index]);
}

static AtkStateSet *node_states(AtkObject *object)
{
        AtkStateSet *states = ATK_OBJECT_CLASS(node_parent_class)->ref_state_set(object);

        atk_state_set_add_state(states, ATK_STATE_SHOWING);
        atk_state_set_add_state(states, ATK_STATE_ENABLED);
        return states;
}

static void node_init(Node *node)
{
        node->children = g_ptr_array_new();
}

static void node_class_init(NodeClass *class)
{
        AtkObjectClass *object = ATK_OBJECT_CLASS(class);

        object->get_n_children = node_count;
        object->ref_child = node_child;
        object->ref_state_set = node_states;
}

static AtkObject *node_new(GType type, const char *name, AtkRole role, AtkObject *parent)
{
        AtkObject *object = g_object_new(type, NULL);

        atk_object_set_name(object, name);
        atk_object_set_role(object, role);
        if (parent) {
                atk_object_set_parent(object, parent);
                g_ptr_array_add(((Node *)parent)->children, object);
        }
        return object;
}

/* One that can be pressed. */

typedef struct {
        Node parent;
        int pressed;
} Button;

typedef struct {
        NodeClass parent;
} ButtonClass;

static gboolean quit(gpointer data)
{
        (void)data;
        g_main_loop_quit(loop);
        return FALSE;
}

static gboolean button_press(AtkAction *action, int index)
{
        Button *button = (Button *)action;

        if (index)
                return FALSE;
        atk_object_set_name(ATK_OBJECT(button), ++button->pressed == 1 ? "Pressed" : "Twice");
        if (button->pressed == 2)
                g_timeout_add(200, quit, NULL);
        return TRUE;
}

static int button_actions(AtkAction *action)
{
        (void)action;
        return 1;
}

static const char *button_action_name(AtkAction *action, int index)
{
        (void)action;
        return index ? NULL : "press";
}

static void button_action_init(AtkActionIface *interface)
{
        interface->do_action = button_press;
        interface->get_n_actions = button_actions;
        interface->get_name = button_action_name;
}

GType button_get_type(void);
G_DEFINE_TYPE_WITH_CODE(Button, button, node_get_type(),
                        G_IMPLEMENT_INTERFACE(ATK_TYPE_ACTION, button_action_init))

static void button_init(Button *button)
{
        (void)button;
}

static void button_class_init(ButtonClass *class)
{
        (void)class;
}

static AtkObject *get_root(void)
{
        return root;
}

static const char *get_toolkit(void)
{
        return "none";
}

int main(int argc, char **argv)
{
        AtkUtilClass *util = ATK_UTIL_CLASS(g_type_class_ref(ATK_TYPE_UTIL));
        AtkObject *window;

        g_set_prgname("check-apps");
        util->get_root = get_root;
        util->get_toolkit_name = get_toolkit;
        root = node_new(node_get_type(), "Check of apps", ATK_ROLE_APPLICATION, NULL);
        window = node_new(node_get_type(), "Window", ATK_ROLE_FRAME, root);
        node_new(button_get_type(), "Button", ATK_ROLE_PUSH_BUTTON, window);
        if (atk_bridge_adaptor_init(&argc, &argv) < 0) {
                fprintf(stderr, "no bridge\n");
                return 1;
        }
        loop = g_main_loop_new(NULL, FALSE);
        printf("ready\n");
        fflush(stdout);
        g_main_loop_run(loop);
        atk_bridge_adaptor_cleanup();
        g_main_loop_unref(loop);
        return 0;
}
